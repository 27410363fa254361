//! Clients that submit tickets over real HTTP, each waiting for its answer before it sends the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

/// How often the server is asked whether it is done.
const LOOK: Duration = Duration::from_millis(50);

/// What there is to submit, and where.
#[derive(Clone)]
pub struct Load {
    /// The server, as `http://127.0.0.1:port`.
    pub url: String,
    /// The token.
    pub token: String,
    /// Subject and body of every ticket, in turn.
    pub texts: Arc<Vec<(String, String)>>,
    /// Tickets to submit in all.
    pub tickets: usize,
    /// Clients at once.
    pub clients: usize,
}

/// What was measured.
pub struct Measured {
    /// From the first request until nothing waits for triage any more. **Units:** seconds.
    pub seconds: f64,
    /// Latency of every request. **Units:** microseconds.
    pub latency: Histogram<u64>,
    /// Tickets that came back decided.
    pub decided: usize,
}

/// What a client reads of an answer: the rest is skipped, so that the load costs the processor little.
#[derive(Deserialize)]
struct Submitted {
    state: String,
}

/// Submits all tickets.
///
/// **Errors:** a ticket is refused or the server goes away.
pub async fn submit_all(load: &Load, bar: &ProgressBar) -> Result<Measured> {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let clients: Vec<_> = (0..load.clients)
        .map(|_| tokio::spawn(client(load.clone(), Arc::clone(&next), bar.clone())))
        .collect();
    let mut latency = Histogram::new(3)?;
    let mut decided = 0;
    for client in clients {
        let (own, of_these) = client.await??;
        latency.add(own)?;
        decided += of_these;
    }
    until_all_decided(load).await?;
    Ok(Measured {
        seconds: began.elapsed().as_secs_f64(),
        latency,
        decided,
    })
}

/// An answer may come before its triage; the work is done when no ticket is left in `received`.
async fn until_all_decided(load: &Load) -> Result<()> {
    let http = Client::new();
    let url = format!("{}/v1/tickets?state=received&limit=1", load.url);
    loop {
        let answer: Value = http
            .get(&url)
            .bearer_auth(&load.token)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        if answer["items"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn client(load: Load, next: Arc<AtomicUsize>, bar: ProgressBar) -> Result<(Histogram<u64>, usize)> {
    let http = Client::new();
    let mut latency = Histogram::new(3)?;
    let mut decided = 0;
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= load.tickets {
            return Ok((latency, decided));
        }
        let (subject, body) = &load.texts[at % load.texts.len()];
        let began = Instant::now();
        let ticket = submit(&http, &load, subject, body).await?;
        latency.record(began.elapsed().as_micros() as u64)?;
        decided += usize::from(ticket.state != "received");
        bar.inc(1);
    }
}

async fn submit(http: &Client, load: &Load, subject: &str, body: &str) -> Result<Submitted> {
    let mut ticket = json!({"body": body});
    if !desk::field::is_blank(subject) {
        ticket["subject"] = subject.into();
    }
    let request = http
        .post(format!("{}/v1/tickets", load.url))
        .bearer_auth(&load.token)
        .json(&ticket);
    let answer = request.send().await?;
    let status = answer.status();
    let answer = answer.bytes().await?;
    ensure!(
        status.is_success(),
        "a ticket was refused with {status}: {}",
        String::from_utf8_lossy(&answer)
    );
    Ok(serde_json::from_slice(&answer)?)
}
