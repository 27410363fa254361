//! `deskwise token`: who may call.

use anyhow::{Result, bail};
use clap::Subcommand;
use desk::{Actor, ApiToken, NewToken, Role};
use store::{Page, Store};
use uuid::Uuid;

use crate::config::Config;
use crate::open;

/// What to do with tokens. Works while a server runs; it takes effect at once.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a token and prints its secret, which is shown this once.
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// What its holder may do: customer, intake, agent or admin.
        #[arg(long, default_value = "agent")]
        role: Role,
    },
    /// Lists tokens, never their secrets.
    List,
    /// Revokes a token for good.
    Revoke {
        /// Its id, or its first characters as `token list` shows them.
        token: String,
    },
}

/// Runs the command.
pub async fn run(command: Command, config: &Config) -> Result<()> {
    std::fs::create_dir_all(&config.data_dir)?;
    let store = open::store(config).await?;
    let actor = Actor::operator("command line");
    match command {
        Command::Create { name, role } => {
            let created = store.create_token(NewToken { name, role }, &actor).await?;
            println!("{}", created.secret);
        }
        Command::List => all(&store).await?.iter().for_each(print),
        Command::Revoke { token } => {
            let id = find(&store, &token).await?;
            store.revoke_token(id, &actor).await?;
            println!("revoked {id}");
        }
    }
    store.close().await;
    Ok(())
}

async fn all(store: &Store) -> Result<Vec<ApiToken>> {
    Ok(Page::all(|page| async move { store.list_tokens(&page).await }).await?)
}

async fn find(store: &Store, wanted: &str) -> Result<Uuid> {
    let tokens = all(store).await?;
    let fits = |token: &&ApiToken| token.id.to_string() == wanted || token.prefix == wanted.trim_end_matches('…');
    let found: Vec<_> = tokens.iter().filter(fits).collect();
    match found.as_slice() {
        [token] => Ok(token.id),
        [] => bail!("no token has the id or the first characters {wanted}; `deskwise token list` shows them"),
        _ => bail!("several tokens begin with {wanted}; name the id instead"),
    }
}

fn print(token: &ApiToken) {
    let state = if token.revoked_at.is_some() { "revoked" } else { "valid" };
    println!(
        "{}  {}…  {:6}  {state:7}  {}",
        token.id, token.prefix, token.role, token.name
    );
}
