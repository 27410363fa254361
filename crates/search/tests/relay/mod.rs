//! A wire to a real server that a test can cut and join again.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes bytes on between its own port and the server until it is cut.
pub struct Relay {
    here: SocketAddr,
    server: String,
    passing: Option<JoinHandle<()>>,
}

impl Relay {
    /// A relay to the server at `url`.
    pub async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let passing = Some(tokio::spawn(pass(listener, server.clone())));
        Self { here, server, passing }
    }

    /// Where to reach the server over this relay.
    pub fn url(&self) -> String {
        format!("http://{}", self.here)
    }

    /// Closes every connection and refuses new ones.
    pub async fn cut(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.abort();
            passing.await.ok();
        }
    }

    /// Takes connections again, at the same address.
    pub async fn join(&mut self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.here).unwrap();
        let listener = socket.listen(64).unwrap();
        self.passing = Some(tokio::spawn(pass(listener, self.server.clone())));
    }
}

/// The connections live in a set that ends them when this task is aborted.
async fn pass(listener: TcpListener, server: String) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let server = server.clone();
        connections.spawn(async move {
            let mut far = TcpStream::connect(server).await.unwrap();
            copy_bidirectional(&mut near, &mut far).await.ok();
        });
    }
}
