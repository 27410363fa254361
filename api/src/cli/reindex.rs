//! `deskwise reindex`: the search index anew from the database.

use anyhow::Result;

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// Builds the index anew; the database is the only truth.
pub async fn run(config: &Config) -> Result<()> {
    let desk = open::desk(config).await?;
    let bar = meter::counting("tickets", 0);
    let held = desk
        .app
        .triage
        .reindex(|progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        })
        .await?;
    bar.finish();
    let passages = desk.app.knowledge.reindex(|_| {}).await?;
    desk.app.triage.finish().await;
    desk.app.store().close().await;
    println!("the index holds {held} tickets and {passages} passages of articles");
    Ok(())
}
