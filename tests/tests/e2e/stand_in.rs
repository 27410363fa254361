//! A local stand-in for an OpenAI-compatible endpoint, which behaves as it is told: well or badly.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with every request.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    /// Answers with this text.
    Say(&'static str),
    /// Never answers.
    Hang,
    /// Answers with an error of its own.
    Fail,
    /// Answers with something that is no answer.
    Garbage,
    /// Answers with more than anyone wants to read.
    Endless,
    /// Closes the connection at once.
    Refuse,
}

/// The endpoint, until it is dropped.
pub struct StandIn {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl StandIn {
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, behaviour, Arc::clone(&heard)));
            }
        });
        StandIn { port, asked, serving }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/chat/completions", self.port)
    }

    /// The bodies it was sent.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("requests").clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, behaviour: Behaviour, asked: Arc<Mutex<Vec<String>>>) {
    if matches!(behaviour, Behaviour::Refuse) {
        return;
    }
    let Some(body) = request(&mut stream).await else { return };
    asked.lock().expect("requests").push(body);
    let (status, body) = match behaviour {
        Behaviour::Say(text) => {
            let answer = json!({"choices": [{"message": {"role": "assistant", "content": text}}]});
            ("200 OK", answer.to_string())
        }
        Behaviour::Fail => ("500 Internal Server Error", "no".to_owned()),
        Behaviour::Garbage => ("200 OK", "<html>welcome</html>".to_owned()),
        Behaviour::Endless => ("200 OK", " ".repeat(4_000_000)),
        Behaviour::Hang | Behaviour::Refuse => return std::future::pending().await,
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    // Who asked may have left.
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

/// The body of a request; none when the connection ends before it does.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length? {
                return Some(body.to_owned());
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}
