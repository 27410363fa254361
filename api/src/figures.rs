//! What `/metrics` says of the desk.

use std::sync::OnceLock;

use desk::HeadRole;
use metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use triage::Drift;

use crate::app::App;
use crate::learning::{self, Shadow};

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
    for &head in HeadRole::ALL {
        if let Ok(shadow) = learning::shadow(app.store(), head).await {
            measure_shadow(head, shadow.as_ref());
        }
        let drift = app.triage.drift(head);
        measure_drift(head, &drift);
    }
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

/// Not numbers where too few tickets have come to say anything.
fn measure_drift(head: HeadRole, drift: &Drift) {
    let head = head.as_str();
    gauge!("desk_drift_tickets", "head" => head).set(drift.tickets as f64);
    gauge!("desk_drift_labels", "head" => head).set(drift.labels.unwrap_or(f64::NAN));
    gauge!("desk_drift_labels_by_chance", "head" => head).set(drift.labels_by_chance.unwrap_or(f64::NAN));
    gauge!("desk_drift_vectors", "head" => head).set(drift.vectors.map_or(f64::NAN, f64::from));
}

/// Zeros, and accuracies that are none, once no version is tried out any longer.
fn measure_shadow(head: HeadRole, shadow: Option<&Shadow>) {
    let counts = shadow.map(|shadow| shadow.counts).unwrap_or_default();
    let settled = shadow.map(Shadow::settled).unwrap_or_default();
    let head = head.as_str();
    gauge!("desk_shadow_tickets", "head" => head).set(counts.tickets as f64);
    gauge!("desk_shadow_agreed", "head" => head).set(counts.agreed as f64);
    gauge!("desk_shadow_settled", "head" => head).set(settled.rows() as f64);
    for (version, accuracy) in [("active", settled.accuracy_a()), ("challenger", settled.accuracy_b())] {
        let accuracy = accuracy.map_or(f64::NAN, |accuracy| accuracy.value);
        gauge!("desk_shadow_accuracy", "head" => head, "version" => version).set(accuracy);
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
    describe_gauge!(
        "desk_drift_labels",
        "Population stability index of the labels predicted lately against the training, by head."
    );
    describe_gauge!(
        "desk_drift_tickets",
        "Latest tickets, decided by the serving version, that drift is measured on, by head."
    );
    describe_gauge!(
        "desk_drift_labels_by_chance",
        "Index that so few tickets reach by chance one time in twenty, by head."
    );
    describe_gauge!(
        "desk_drift_vectors",
        "Distance of the mean vector of the latest tickets from the training's, by head."
    );
    describe_gauge!(
        "desk_shadow_tickets",
        "Tickets that the active version and the one that is tried out have both assessed, by head."
    );
    describe_gauge!(
        "desk_shadow_agreed",
        "Tickets of those on which both guessed the same, by head."
    );
    describe_gauge!(
        "desk_shadow_settled",
        "Tickets of those that agents have corrected or solved since, by head."
    );
    describe_gauge!(
        "desk_shadow_accuracy",
        "How often a guess was right on them, by head and by version: active or challenger."
    );
    describe_gauge!("desk_store_up", "Whether the database answers.");
    describe_gauge!("desk_index_up", "Whether the search index answers.");
    handle
}
