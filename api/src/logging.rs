//! Where log lines go: standard error, as text or JSON. Standard output is for what a command was asked for.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;
use std::panic;
use std::thread;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogSettings};

/// Sends the process's log lines to standard error, and what is said of a panic; a second call changes nothing.
///
/// **Errors:** a level that is no filter, in words.
pub fn start(config: &LogSettings) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.level).map_err(|error| format!("log.level: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Already started is fine: tests run several servers in one process.
    let _ = match config.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).try_init(),
    };
    tell_panics_by_place();
    Ok(())
}

/// Of a panic only where it was, and with `RUST_BACKTRACE` the way there: its words may quote a ticket, as those of a string
/// that is cut inside a character do.
fn tell_panics_by_place() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let way = Backtrace::capture();
        let way = (way.status() == BacktraceStatus::Captured).then(|| way.to_string());
        tracing::error!(place, way, thread = thread::current().name(), "a thread panicked");
    }));
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    /// Set where this program runs again, to panic.
    const PANICS: &str = "PANICS_WITH";

    #[test]
    fn a_panic_is_told_without_its_words() {
        if let Ok(words) = env::var(PANICS) {
            let (level, format) = ("info".to_owned(), LogFormat::Text);
            start(&LogSettings { level, format }).expect("logs");
            panic!("{words}");
        }
        let this = "logging::tests::a_panic_is_told_without_its_words";
        let mut again = Command::new(env::current_exe().expect("this program"));
        let output = again
            .args(["--exact", this, "--nocapture"])
            .env(PANICS, "my card was charged twice")
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        let said = said.concat();
        assert!(!output.status.success(), "{said}");
        assert!(
            said.contains("a thread panicked") && said.contains("logging.rs:"),
            "{said}"
        );
        assert!(!said.contains("charged"), "{said}");
    }
}
