//! The program under test: started on port 0 with a fresh data folder, asked over HTTP, killed and restarted.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for something that must come; what learns has the lowest priority and waits for all other tests.
const PATIENCE: Duration = Duration::from_secs(1_200);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A running desk.
pub struct DeskUnderTest {
    folder: TempDir,
    settings: Vec<(String, String)>,
    server: Option<Running>,
    /// A token of each role.
    pub tokens: Tokens,
    http: Client,
}

struct Running {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
}

/// Secrets by role.
#[derive(Clone)]
pub struct Tokens {
    pub admin: String,
    pub agent: String,
    pub intake: String,
    pub customer: String,
}

/// An answer of the desk.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl DeskUnderTest {
    /// A desk with a team for every category and two agents.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with `DESK_…` settings.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let desk = Self::start_empty(settings).await;
        desk.staff().await;
        desk
    }

    /// A desk without teams and agents.
    pub async fn start_empty(settings: &[(&str, &str)]) -> Self {
        weights();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let tokens = Tokens {
            admin: create_token(folder.path(), &settings, "admin"),
            agent: create_token(folder.path(), &settings, "agent"),
            intake: create_token(folder.path(), &settings, "intake"),
            customer: create_token(folder.path(), &settings, "customer"),
        };
        let mut desk = DeskUnderTest {
            folder,
            settings,
            server: None,
            tokens,
            http: client(),
        };
        desk.restart().await;
        desk
    }

    /// A further `DESK_…` setting for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts the program again on the same data folder.
    pub async fn restart(&mut self) {
        let server = Running::start(self.folder.path(), &self.settings);
        let ready = format!("{}/readyz", server.url);
        self.server = Some(server);
        let began = Instant::now();
        while !self
            .http
            .get(&ready)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            assert!(began.elapsed() < PATIENCE, "never ready:\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the program at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.child.kill().expect("a running process");
            server.child.wait().expect("a child");
        }
    }

    /// Waits until nothing waits for triage, then stops the program.
    pub async fn finish(mut self) {
        self.until_all_decided().await;
        self.stop().await;
    }

    /// Stops the program as an operator would, and checks that it ends well.
    pub async fn stop(&mut self) {
        let mut server = self.server.take().expect("a running server");
        let told = Command::new("kill")
            .arg("-TERM")
            .arg(server.child.id().to_string())
            .status()
            .expect("kill");
        assert!(told.success());
        let ended = tokio::task::spawn_blocking(move || (server.child.wait(), server.log));
        let (status, log) = ended.await.expect("a thread");
        let status = status.expect("a child");
        assert!(status.success(), "{status}:\n{}", log.lock().expect("a log"));
    }

    /// Waits until no ticket is left half-done.
    pub async fn until_all_decided(&self) {
        let began = Instant::now();
        loop {
            let waiting = self.get("/v1/tickets?state=received&limit=1").await;
            assert_eq!(waiting.status, 200, "{waiting:?}");
            if waiting.body["items"].as_array().is_some_and(Vec::is_empty) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "half-done: {}\n{}",
                waiting.body,
                self.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the search index holds so many tickets.
    pub async fn until_indexed(&self, tickets: usize) {
        let began = Instant::now();
        let expected = format!("desk_index_tickets {tickets}");
        loop {
            let figures = self.get("/metrics").await.body;
            let figures = figures.as_str().expect("a text");
            if figures.lines().any(|line| line == expected) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "no {expected}\n{figures}\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Where the data are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database in the data folder.
    pub fn database_url(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.folder().join("desk.db").display())
    }

    /// Where the server listens.
    pub fn url(&self) -> &str {
        &self.server.as_ref().expect("a running server").url
    }

    /// Everything the server has logged.
    pub fn log(&self) -> String {
        self.server
            .as_ref()
            .map(|server| server.log.lock().expect("a log").clone())
            .unwrap_or_default()
    }

    /// The first line of the log with these words; an answer may be here before its line is.
    pub async fn logged(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "no {words:?} in\n{log}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url()))
    }

    /// A request with a token.
    pub fn request(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(token)
    }

    /// Reads as an admin.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(&self.tokens.admin, Method::GET, path)).await
    }

    /// Creates as an admin.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(&self.tokens.admin, Method::POST, path).json(&body)).await
    }

    /// Changes as an admin, from a version.
    pub async fn patch(&self, path: &str, version: i64, body: Value) -> Answer {
        let request = self.request(&self.tokens.admin, Method::PATCH, path);
        answer(request.header("If-Match", format!("\"{version}\"")).json(&body)).await
    }

    /// Sends a body as it is.
    pub async fn post_raw(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(&self.tokens.admin, Method::POST, path);
        answer(request.header("Content-Type", "application/json").body(body)).await
    }

    /// Submits a text and gives the ticket back.
    pub async fn submit(&self, body: &str) -> Value {
        let submitted = self.post("/v1/tickets", json!({"body": body})).await;
        assert_eq!(submitted.status, 201, "{submitted:?}");
        submitted.body
    }

    async fn staff(&self) {
        let categories = [
            "account_access",
            "billing_payment",
            "orders_delivery",
            "technical_problem",
            "how_to",
            "feature_request",
            "onboarding_training",
            "cancellation",
            "security_privacy",
            "complaint_feedback",
            "other",
        ];
        let team = self
            .post("/v1/teams", json!({"name": "Everyone", "categories": categories}))
            .await;
        assert_eq!(team.status, 201, "{team:?}");
        for (name, languages) in [("Ana", json!(["es", "en"])), ("Ben", json!(["en"]))] {
            let agent = json!({"name": name, "team_id": team.body["id"], "languages": languages, "capacity": 10_000});
            let agent = self.post("/v1/agents", agent).await;
            assert_eq!(agent.status, 201, "{agent:?}");
        }
    }
}

/// A failing test leaves no server behind.
impl Drop for DeskUnderTest {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Answer {
    /// Checks that it is a problem document of this status that names these fields with these codes.
    pub fn is_problem(&self, status: u16, fields: &[(&str, &str)]) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(
            self.headers["x-request-id"],
            self.body["request_id"].as_str().unwrap_or_default(),
            "{self:?}"
        );
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let named: Vec<_> = errors
            .iter()
            .map(|e| (e["field"].as_str().unwrap_or(""), e["code"].as_str().unwrap_or("")))
            .collect();
        assert_eq!(named, fields, "{self:?}");
    }
}

/// A client that takes up no connection which the server may be about to close: a command that a test waits for keeps the
/// client from hearing of it.
fn client() -> Client {
    let client = Client::builder().pool_idle_timeout(Duration::from_secs(5));
    client.build().expect("a client")
}

/// Sends a request and reads the answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}

/// The program with settings, about to run.
pub fn deskwise(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskwise-under-test"));
    // Settings of whoever runs the tests are not those of the desk under test.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DESK_")) {
        command.env_remove(name);
    }
    command
        .env("DESK_DATA_DIR", data_dir)
        .env("DESK_MODELS_DIR", models_dir());
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().expect("a program that starts")
}

/// Standard output of a command that must work.
pub fn said(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Standard error of a command that must fail.
pub fn refused(command: &mut Command) -> String {
    let output = run(command);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// The models of the repository.
pub fn models_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// Pulls the encoder's weights, once for all tests.
pub fn weights() {
    static PULLED: OnceLock<()> = OnceLock::new();
    PULLED.get_or_init(|| {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        said(deskwise(scratch.path()).args(["model", "pull"]));
    });
}

fn create_token(data_dir: &Path, settings: &[(String, String)], role: &str) -> String {
    let mut command = deskwise(data_dir);
    command.args(["token", "create", "--name", role, "--role", role]);
    said(command.envs(settings.iter().cloned())).trim().to_owned()
}

impl Running {
    fn start(data_dir: &Path, settings: &[(String, String)]) -> Self {
        let mut command = deskwise(data_dir);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DESK_LOG__LEVEL", "info");
        command
            .env("DESK_TRIAGE__DEADLINE_MS", "20000")
            .envs(settings.iter().cloned());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a server");
        let log = Arc::new(Mutex::new(String::new()));
        keep(child.stderr.take().expect("a log"), Arc::clone(&log));
        let out = BufReader::new(child.stdout.take().expect("an output"));
        let url = out
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("serves on ").map(|(_, url)| url.to_owned()));
        let url = url.unwrap_or_else(|| panic!("the server did not start:\n{}", log.lock().expect("a log")));
        Running { child, url, log }
    }
}

fn keep(mut from: impl Read + Send + 'static, log: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            log.lock()
                .expect("a log")
                .push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    });
}
