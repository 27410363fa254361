//! `deskwise demo`: the whole product on the sample desk.

use anyhow::Result;
use desk::{Actor, NewToken, Role};
use store::{DataFolder, Store, TokenCheck};

use crate::cli::{meter, model, serve};
use crate::config::Config;
use crate::http::Server;
use crate::open::{self, Desk};
use crate::{sample, sample_articles};

/// The setting that keeps the demo's token, so that a second start prints the same command.
const TOKEN: &str = "demo.token";

/// Fetches the encoder, loads the sample desk where that was not done before, serves it and prints a command to paste.
pub async fn run(config: &Config) -> Result<()> {
    let server = Server::bind(&config.http).await?;
    // A folder that cannot be used is said before anything is fetched into it.
    drop(DataFolder::lock(&config.data_dir)?);
    model::pull_encoders(config).await?;
    let desk = open::desk(config).await?;
    load_sample(&desk).await?;
    let token = token(desk.app.store()).await?;
    greet(&server, &token);
    serve::serve(server, desk, config).await
}

async fn load_sample(desk: &Desk) -> Result<()> {
    load_tickets(desk).await?;
    if sample_articles::load(desk.app.store()).await? > 0 {
        let bar = meter::counting("sample articles", 0);
        while desk.app.knowledge.sweep().await? > 0 {}
        bar.finish_and_clear();
    }
    Ok(())
}

async fn load_tickets(desk: &Desk) -> Result<()> {
    let loaded = sample::load(desk.app.store()).await?;
    if loaded == 0 {
        return Ok(());
    }
    let bar = meter::counting("sample tickets", loaded as u64);
    desk.app
        .triage
        .reindex(|progress| bar.set_position(progress.done))
        .await?;
    bar.finish_and_clear();
    Ok(())
}

/// The demo's token. It is kept in clear, unlike every other one, because the demo prints it at every start.
async fn token(store: &Store) -> Result<String> {
    if let Some(secret) = store.get_setting(TOKEN).await?
        && matches!(store.check_token(&secret).await?, TokenCheck::Valid(_))
    {
        return Ok(secret);
    }
    let new = NewToken {
        name: "demo".to_owned(),
        role: Role::Admin,
    };
    let created = store.create_token(new, &Actor::operator("demo")).await?;
    store.set_setting(TOKEN, &created.secret).await?;
    Ok(created.secret)
}

/// The command stands alone and last, so that it can be cut out by a script as well as by hand.
fn greet(server: &Server, token: &str) {
    let at = server.address();
    println!("The sample desk is open: http://{at}/docs shows everything it can do. Submit a ticket:\n");
    println!("curl -s http://{at}/v1/tickets \\");
    println!("  -H 'Authorization: Bearer {token}' \\");
    println!("  -H 'Content-Type: application/json' \\");
    println!(
        "  -d '{{\"subject\": \"Charged twice for October\", \"body\": \"Our card was charged twice for the October invoice \
         of Larkfield Till. Please refund one of the two payments.\"}}'"
    );
}
