//! The listening server: starts when its address is free, ends when what it accepted is finished.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::background::Background;
use crate::config::{Config, HttpSettings};
use crate::http::{connections, router};

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Another program has the address.
    #[error("{address} is in use by another program")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be used.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A server whose address is taken and which is about to serve.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: HttpSettings,
}

impl Server {
    /// Takes the address.
    ///
    /// **Errors:** the address is in use, or cannot be used.
    pub async fn bind(config: &HttpSettings) -> Result<Self, ServerError> {
        let address = config.listen;
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ServerError::InUse { address },
            _ => ServerError::Listen { address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server {
            listener,
            address,
            config: config.clone(),
        })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then finishes requests under way and every triage that has begun.
    pub async fn run(self, app: Arc<App>, config: &Config, stop: impl Future<Output = ()>) {
        let background = Background::start(&app, config);
        let (stopping, stopped) = oneshot::channel::<()>();
        let service = router(Arc::clone(&app), &self.config);
        let stopped = async { drop(stopped.await) };
        let serving = connections::serve(self.listener, service, self.config.timeout(), stopped);
        let serving = tokio::spawn(serving);
        stop.await;
        tracing::info!("stopping: no new requests, what was accepted is finished");
        drop(stopping);
        background.stop();
        finish(self.config.shutdown(), serving).await;
        background.end().await;
        app.knowledge.finish().await;
        app.triage.finish().await;
    }
}

/// Waits for requests under way, at most `limit`; a connection that sends nothing does not hold the server up.
async fn finish(limit: Duration, serving: JoinHandle<()>) {
    if tokio::time::timeout(limit, serving).await.is_err() {
        tracing::warn!(limit_ms = limit.as_millis(), "some requests were still under way");
    }
}
