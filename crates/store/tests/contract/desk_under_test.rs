//! A store on an empty database of its own, and short words for common acts.

use std::time::{Duration, Instant};

use desk::{
    Actor, Decision, LabelChoice, NewAgent, NewTeam, NewTicket, Probability, Routing, Ticket, TriageState, ValidTicket,
};
use sqlx::{AssertSqlSafe, Connection};
use store::{DataFolder, IdempotencyKey, Store, StoreConfig, StoreError, Submission, Submitted};
use uuid::Uuid;

/// Longest wait until somebody waits for a row.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A store under test and what must be cleared away after it.
pub struct Desk {
    pub store: Store,
    pub config: StoreConfig,
    schema: Option<(String, String)>,
    folder: Option<tempfile::TempDir>,
}

impl Desk {
    pub async fn sqlite() -> Desk {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = StoreConfig::new(DataFolder::database_url(folder.path()));
        let store = Store::open(&config).await.expect("a fresh SQLite database");
        Desk {
            store,
            config,
            schema: None,
            folder: Some(folder),
        }
    }

    /// None, with a word on standard error, where no PostgreSQL is given.
    pub async fn postgres() -> Option<Desk> {
        let url = postgres_url()?;
        let schema = format!("desk_test_{}", Uuid::now_v7().simple());
        run(&url, &format!("CREATE SCHEMA {schema}")).await;
        let config = StoreConfig::new(within(&url, &schema));
        let store = Store::open(&config).await.expect("a fresh PostgreSQL schema");
        Some(Desk {
            store,
            config,
            schema: Some((url, schema)),
            folder: None,
        })
    }

    pub async fn finish(self) {
        self.store.close().await;
        if let Some((url, schema)) = &self.schema {
            run(url, &format!("DROP SCHEMA {schema} CASCADE")).await;
        }
        drop(self.folder);
    }

    /// Another store on the same database, as another process would open it.
    pub async fn another(&self) -> Store {
        Store::open(&self.config).await.expect("the same database")
    }

    /// The rows of a query, past the store, as texts.
    pub async fn raw(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        let mut connection = sqlx::AnyConnection::connect(&self.config.url).await?;
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut connection)
            .await?;
        connection.close().await?;
        Ok(rows.into_iter().map(|(text,)| text).collect())
    }

    /// What an act comes to that another process overtakes: that has run `sql` when the act begins and commits once the
    /// act waits for it, which on SQLite is at once.
    pub async fn overtaken<T>(&self, sql: &str, act: impl Future<Output = T>) -> T {
        let is_postgres = self.schema.is_some();
        let mut other = sqlx::AnyConnection::connect(&self.config.url)
            .await
            .expect("a connection");
        let begin = if is_postgres { "BEGIN" } else { "BEGIN IMMEDIATE" };
        execute(&mut other, begin).await;
        execute(&mut other, sql).await;
        let commit = async {
            let began = Instant::now();
            while is_postgres && !is_waited_for(&mut other).await {
                assert!(began.elapsed() < PATIENCE, "nobody waits");
                tokio::time::sleep(LOOK).await;
            }
            execute(&mut other, "COMMIT").await;
        };
        let (came, ()) = tokio::join!(act, commit);
        other.close().await.expect("closed");
        came
    }

    pub async fn submit(&self, body: &str) -> Ticket {
        self.submit_new(NewTicket::from_body(body)).await
    }

    pub async fn submit_new(&self, ticket: NewTicket) -> Ticket {
        self.try_submit(ticket, None).await.expect("stored").ticket
    }

    pub async fn try_submit(&self, ticket: NewTicket, key: Option<IdempotencyKey>) -> Result<Submitted, StoreError> {
        self.store
            .submit_ticket(Submission {
                key,
                ..submission(ticket)
            })
            .await
    }

    pub async fn ticket(&self, id: Uuid) -> Ticket {
        self.store.get_ticket(id).await.expect("readable").expect("there")
    }

    pub async fn team(&self, name: &str, category: &str) -> desk::Team {
        let team = NewTeam {
            name: name.to_owned(),
            categories: vec![category.to_owned()],
        };
        self.store.create_team(team, &tester()).await.expect("a team")
    }

    pub async fn agent(&self, name: &str, team_id: Option<Uuid>) -> desk::Agent {
        let agent = NewAgent {
            name: name.to_owned(),
            email: None,
            team_id,
            skills: [("how_to".to_owned(), 0.75)].into(),
            languages: vec!["en".to_owned()],
            capacity: 3,
            availability: desk::Availability::Available,
        };
        self.store.create_agent(agent, &tester()).await.expect("an agent")
    }

    /// Kinds of a ticket's events in order.
    pub async fn told(&self, id: Uuid) -> Vec<desk::EventKind> {
        let page = store::PageRequest::first(1_000);
        let events = self
            .store
            .list_events(desk::Subject::ticket(id), &page)
            .await
            .expect("events");
        events.items.into_iter().map(|event| event.kind).collect()
    }
}

/// The PostgreSQL to test on; said once per test where there is none.
pub fn postgres_url() -> Option<String> {
    let url = std::env::var("DESK_TEST_POSTGRES_URL")
        .ok()
        .filter(|url| !url.is_empty());
    if url.is_none() {
        eprintln!("skipped: DESK_TEST_POSTGRES_URL is not set");
    }
    url
}

pub fn within(url: &str, schema: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options[search_path]={schema}")
}

pub async fn run(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await.expect("PostgreSQL answers");
    execute(&mut connection, sql).await;
    connection.close().await.expect("closed");
}

async fn execute(connection: &mut sqlx::AnyConnection, sql: &str) {
    let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.expect("done");
}

/// Whether anybody on this PostgreSQL waits for what the connection's transaction has changed.
async fn is_waited_for(connection: &mut sqlx::AnyConnection) -> bool {
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    let (waiting,): (i64,) = sqlx::query_as(waiting).fetch_one(connection).await.expect("a number");
    waiting > 0
}

pub fn tester() -> Actor {
    Actor::system("test")
}

pub fn valid(ticket: NewTicket) -> ValidTicket {
    ticket.validate().expect("a valid ticket")
}

pub fn submission(ticket: NewTicket) -> Submission {
    Submission {
        ticket: valid(ticket),
        key: None,
        actor: tester(),
        claim: Duration::ZERO,
    }
}

/// A decision that is sure of `how_to` and `normal`.
pub fn decision(ticket_id: Uuid) -> Decision {
    Decision {
        id: Uuid::now_v7(),
        ticket_id,
        outcome: TriageState::Triaged,
        language: Some("en".to_owned()),
        category: choice("how_to"),
        priority: choice("normal"),
        neighbours: Vec::new(),
        duplicates: Vec::new(),
        routing: Routing::default(),
        models: vec![desk::ModelRef {
            role: "encoder".into(),
            name: "tiny".into(),
            revision: "1".into(),
        }],
        reasons: vec!["It asks how something is done.".to_owned()],
        created_at: store::now(),
    }
}

fn choice(label: &str) -> LabelChoice {
    LabelChoice {
        label: Some(label.to_owned()),
        confidence: 0.9,
        threshold: 0.5,
        probabilities: vec![Probability {
            label: label.to_owned(),
            probability: 0.9,
        }],
        alternatives: Vec::new(),
        out_of_scope: false,
        energy: Some(-3.25),
    }
}
