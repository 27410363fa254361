//! A server of our own in a process of its own, so that its memory and its start can be measured.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a starting server is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(5);

/// A running server.
pub struct ServerProcess {
    child: Child,
    /// Where it listens, as `http://127.0.0.1:port`.
    pub url: String,
    /// From start to the first ready answer. **Units:** seconds.
    pub ready_seconds: f64,
}

impl ServerProcess {
    /// Starts this binary on a data folder, with settings as `DESK_…` variables, and waits until it is ready.
    ///
    /// **Errors:** it ends instead.
    pub async fn start(data_dir: &Path, models_dir: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let began = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env("DESK_MODELS_DIR", std::path::absolute(models_dir)?)
            .env("DESK_LOG__LEVEL", "warn")
            .env("DESK_RATE_LIMIT__PER_SECOND", "1000000")
            .env("DESK_RATE_LIMIT__BURST", "1000000")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a server")?;
        let url = announced(&mut child)?;
        while !is_ready(&url).await {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended: {status}");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(ServerProcess {
            child,
            url,
            ready_seconds: began.elapsed().as_secs_f64(),
        })
    }

    /// Memory in use and the most it was. **Units:** megabytes (10⁶ bytes).
    ///
    /// **Errors:** the system does not say, as everywhere but on Linux.
    pub fn memory_mb(&self) -> Result<(f64, f64)> {
        memory_mb(&self.child.id().to_string())
    }

    /// What the system calls it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator would, and waits for what it accepted.
    ///
    /// **Errors:** it cannot be told.
    pub fn stop(mut self) -> Result<()> {
        let told = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status()?;
        anyhow::ensure!(told.success(), "the server could not be told to stop");
        self.child.wait()?;
        Ok(())
    }
}

/// Memory this very process uses now. **Units:** megabytes (10⁶ bytes).
///
/// **Errors:** the system does not say, as everywhere but on Linux.
pub fn own_memory_mb() -> Result<f64> {
    Ok(memory_mb("self")?.0)
}

/// What the system calls the processor; none where it does not say, as everywhere but on Linux.
pub fn processor() -> Option<String> {
    let cores = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = cores.lines().find(|line| line.starts_with("model name"))?;
    Some(name.split_once(':')?.1.trim().to_owned())
}

fn memory_mb(process: &str) -> Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    let megabytes = |name| kilobytes(name).map(|kib| kib * 1024.0 / 1e6).context("no such line");
    Ok((megabytes("VmRSS:")?, megabytes("VmHWM:")?))
}

/// Whether a process has started another that still runs; false where the system does not say.
pub fn has_child(parent: u32) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    processes
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .any(|stat| {
            // The name, in brackets, may hold blanks; state and parent follow it.
            let parent_of = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_whitespace().nth(1));
            parent_of.is_some_and(|id| id == parent.to_string())
        })
}

/// A server that is not stopped is ended with the benchmark.
impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It has ended already where it was stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address a server prints when it has taken it.
fn announced(child: &mut Child) -> Result<String> {
    let out = child.stdout.take().context("the server has no output")?;
    for line in BufReader::new(out).lines() {
        if let Some((_, url)) = line?.split_once("serves on ") {
            return Ok(url.trim().to_owned());
        }
    }
    bail!("the server ended before it served")
}

async fn is_ready(url: &str) -> bool {
    reqwest::get(format!("{url}/readyz"))
        .await
        .is_ok_and(|answer| answer.status().is_success())
}
