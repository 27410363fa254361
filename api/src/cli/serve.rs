//! `deskwise serve`: the API until it is told to stop.

use std::sync::Arc;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;
use crate::http::Server;
use crate::open::{self, Desk};

/// Serves until SIGTERM or Ctrl-C.
pub async fn run(config: &Config) -> Result<()> {
    let server = Server::bind(&config.http).await?;
    let desk = open::desk(config).await?;
    println!("deskwise serves on http://{}", server.address());
    serve(server, desk, config).await
}

/// Serves an opened desk until SIGTERM or Ctrl-C, then closes it.
pub async fn serve(server: Server, desk: Desk, config: &Config) -> Result<()> {
    let app = desk.app;
    server.run(Arc::clone(&app), config, told_to_stop()?).await;
    app.store().close().await;
    drop(desk.folder);
    Ok(())
}

fn told_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
