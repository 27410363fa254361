//! What `/metrics` says of the desk.

use std::sync::OnceLock;

use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::app::App;

/// Bounds of the latency histogram. **Units:** seconds.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The recorder of this process, made once.
pub fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(make).clone()
}

/// Reads what is counted only when someone asks.
pub async fn measure(app: &App) {
    let encoder = &app.triage.models().encoder;
    let (model, kernel) = (encoder.model().to_owned(), encoder.kernel().to_owned());
    gauge!("desk_encoder_threads", "model" => model, "kernel" => kernel).set(encoder.threads() as f64);
    if let Ok(tickets) = app.triage.indexed_tickets().await {
        gauge!("desk_index_tickets").set(tickets as f64);
    }
    gauge!("desk_index_up").set(u8::from(app.triage.index_answers().await));
    match app.store().counts().await {
        Ok(counts) => {
            gauge!("desk_store_up").set(1.0);
            for (state, tickets) in &counts.by_state {
                gauge!("desk_tickets", "state" => state.as_str()).set(*tickets as f64);
            }
            gauge!("desk_corrections").set(counts.corrections as f64);
            let waiting = counts
                .oldest_due
                .map(|due| (time::OffsetDateTime::now_utc() - due).as_seconds_f64());
            gauge!("desk_triage_lag_seconds").set(waiting.unwrap_or(0.0).max(0.0));
        }
        Err(_) => gauge!("desk_store_up").set(0.0),
    }
}

fn make() -> PrometheusHandle {
    let builder = PrometheusBuilder::new();
    // The bounds are a constant that is not empty, the only thing that is refused.
    let builder = match builder.set_buckets(SECONDS) {
        Ok(builder) => builder,
        Err(_) => PrometheusBuilder::new(),
    };
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    // A recorder set by someone else stays; then this one renders nothing.
    let _ = metrics::set_global_recorder(recorder);
    describe_counter!("http_requests_total", "Requests answered, by method, route and status.");
    describe_histogram!(
        "http_request_duration_seconds",
        "Time to an answer, by method and route."
    );
    describe_gauge!("desk_tickets", "Tickets by triage state.");
    describe_gauge!("desk_encoder_threads", "Threads of the encoder, by model and kernel.");
    describe_gauge!("desk_index_tickets", "Tickets in the search index.");
    describe_gauge!("desk_corrections", "Decided values that people put right.");
    describe_gauge!(
        "desk_triage_lag_seconds",
        "How long the ticket that waits longest for triage has been due."
    );
    describe_gauge!("desk_store_up", "Whether the database answers.");
    describe_gauge!("desk_index_up", "Whether the search index answers.");
    handle
}
