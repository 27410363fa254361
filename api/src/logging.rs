//! Where log lines go: standard error, as text or JSON. Standard output is for what a command was asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Sends the process's log lines to standard error; a second call changes nothing.
///
/// **Errors:** a level that is no filter, in words.
pub fn start(config: &LogConfig) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.level).map_err(|error| format!("log.level: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Already started is fine: tests run several servers in one process.
    let _ = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
    };
    Ok(())
}
