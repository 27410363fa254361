//! The listening server: starts when its address is free, ends when what it accepted is finished.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::HttpConfig;
use crate::http::{connections, router};
use crate::learning;
use crate::reindex;

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
    config: HttpConfig,
}

impl Server {
    /// Takes the address.
    ///
    /// **Errors:** the address is in use, or cannot be used.
    pub async fn bind(config: &HttpConfig) -> Result<Self, ServerError> {
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
    pub async fn run(self, app: Arc<App>, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let sweeper = tokio::spawn(Arc::clone(&app.triage).run_sweeper(told(stopped.clone())));
        let keeper = tokio::spawn(Arc::clone(&app.triage).run_keeper(told(stopped.clone())));
        let mender = tokio::spawn(Arc::clone(&app.triage).run_mender(told(stopped.clone())));
        let forgetter = tokio::spawn(Arc::clone(&app.triage).run_forgetter(told(stopped.clone())));
        let indexer = tokio::spawn(Arc::clone(&app.knowledge).run_sweeper(told(stopped.clone())));
        let follower = tokio::spawn(learning::run_follower(Arc::clone(&app), told(stopped.clone())));
        let reindexer = tokio::spawn(reindex::run_follower(Arc::clone(&app), told(stopped.clone())));
        let figures = tokio::spawn(Arc::clone(&app).keep_figures());
        let service = router(Arc::clone(&app), &self.config);
        let serving = connections::serve(self.listener, service, self.config.timeout(), told(stopped));
        let serving = tokio::spawn(serving);
        stop.await;
        tracing::info!("stopping: no new requests, what was accepted is finished");
        stopping.send_replace(true);
        finish(self.config.shutdown(), serving).await;
        for task in [
            sweeper, keeper, mender, forgetter, indexer, follower, reindexer, figures,
        ] {
            task.abort();
        }
        app.knowledge.finish().await;
        app.triage.finish().await;
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // The sender outlives the server, so waiting ends with the signal alone.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Waits for requests under way, at most `limit`; a connection that sends nothing does not hold the server up.
async fn finish(limit: Duration, serving: JoinHandle<()>) {
    if tokio::time::timeout(limit, serving).await.is_err() {
        tracing::warn!(limit_ms = limit.as_millis(), "some requests were still under way");
    }
}
