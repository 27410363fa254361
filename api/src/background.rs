//! What a server does beside answering: one step again and again, each at its own pace.
//!
//! A step belongs to whoever knows what is done; the loops are here. A step that fails is taken again at its next turn, and
//! so is one that panics: nothing that keeps the desk whole is lost until somebody restarts the server.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use triage::TriageError;

use crate::app::App;
use crate::config::Config;
use crate::{learning, reindex};

/// How long a step that panicked is left alone.
const AFTER_PANIC: Duration = Duration::from_secs(1);
/// How often it is looked whether the tickets' index is still there.
const INDEX_LOOKED_AT: Duration = Duration::from_secs(1);
/// How often what is too old is looked for.
const OLD_LOOKED_FOR: Duration = Duration::from_secs(60 * 60);
/// How often requests in the database are looked for: for other versions in force, and for a new index.
const REQUESTS_POLLED_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether heads are to be retrained, at least: a server may be started anew more often than they are.
const ROUNDS_LOOKED_FOR: Duration = Duration::from_secs(5 * 60);
/// How often latencies are summed up: unread samples would grow where nobody asks for `/metrics`.
const FIGURES_SUMMED_UP: Duration = Duration::from_secs(5);

/// When a step is taken.
#[derive(Debug, Clone, Copy)]
struct Pace {
    first: Duration,
    every: Duration,
}

impl Pace {
    /// At once and then again and again.
    fn of(every: Duration) -> Self {
        Pace {
            first: Duration::ZERO,
            every: every.max(Duration::from_millis(1)),
        }
    }

    /// As [`Pace::of`], but not at once.
    fn later(every: Duration) -> Self {
        Pace {
            first: every,
            ..Pace::of(every)
        }
    }
}

/// Steps taken again and again until they are told to stop, or this is dropped.
pub struct Background {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Background {
    /// Everything that a server does beside answering.
    pub fn start(app: &Arc<App>, config: &Config) -> Self {
        let mut background = Background {
            tasks: JoinSet::new(),
            stop: watch::Sender::new(false),
        };
        background.keep_tickets(app, config);
        background.keep_up_with_others(app, config);
        background.keep_articles(app, config);
        let figures = Arc::clone(app);
        background.spawn("figures", Pace::of(FIGURES_SUMMED_UP), move || {
            figures.sum_figures_up();
            std::future::ready(anyhow::Ok(()))
        });
        background
    }

    fn keep_tickets(&mut self, app: &Arc<App>, config: &Config) {
        let millis = Duration::from_millis;
        let triage = Arc::clone(&app.triage);
        self.spawn(
            "tickets",
            Pace::of(millis(config.triage.sweep_interval_ms)),
            move || triage_waiting(Arc::clone(&triage)),
        );
        let triage = Arc::clone(&app.triage);
        self.spawn("index", Pace::of(millis(config.triage.index_flush_ms)), move || {
            let triage = Arc::clone(&triage);
            async move { triage.keep_index().await }
        });
        let triage = Arc::clone(&app.triage);
        self.spawn("index folder", Pace::of(INDEX_LOOKED_AT), move || {
            let triage = Arc::clone(&triage);
            async move { triage.mend_index().await.map(drop) }
        });
        let triage = Arc::clone(&app.triage);
        self.spawn("idempotency keys", Pace::of(OLD_LOOKED_FOR), move || {
            forget_keys(Arc::clone(&triage))
        });
    }

    fn keep_articles(&mut self, app: &Arc<App>, config: &Config) {
        let (knowledge, every) = (Arc::clone(&app.knowledge), config.knowledge.sweep_interval_ms);
        self.spawn("articles", Pace::of(Duration::from_millis(every)), move || {
            let knowledge = Arc::clone(&knowledge);
            async move { knowledge.keep_up().await }
        });
        let knowledge = Arc::clone(&app.knowledge);
        self.spawn("searches", Pace::of(OLD_LOOKED_FOR), move || {
            let knowledge = Arc::clone(&knowledge);
            async move { knowledge.forget_searches().await }
        });
    }

    fn keep_up_with_others(&mut self, app: &Arc<App>, config: &Config) {
        let follower = Arc::clone(app);
        self.spawn("versions", Pace::of(REQUESTS_POLLED_EVERY), move || {
            let app = Arc::clone(&follower);
            async move { learning::follow(&app).await }
        });
        let builder = Arc::clone(app);
        self.spawn("reindex", Pace::of(REQUESTS_POLLED_EVERY), move || {
            let app = Arc::clone(&builder);
            async move { reindex::answer(&app).await }
        });
        let every = Duration::from_secs(config.learning.retrain_seconds);
        if !every.is_zero() {
            let (config, app) = (Arc::new(config.clone()), Arc::clone(app));
            // A server that has just started has something better to do.
            self.spawn("retrain", Pace::later(every.min(ROUNDS_LOOKED_FOR)), move || {
                let (config, app) = (Arc::clone(&config), Arc::clone(&app));
                async move { learning::retrain_in_turn(&config, &app).await }
            });
        }
    }

    /// No step is begun any more.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Breaks off the steps under way, and waits until none is taken.
    pub async fn end(mut self) {
        self.tasks.shutdown().await;
    }

    fn spawn<S, F, E>(&mut self, name: &'static str, pace: Pace, step: S)
    where
        S: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.tasks.spawn(again(name, pace, self.stop.subscribe(), step));
    }
}

/// Takes a step at its pace until told to stop; one that was missed is not made up for.
async fn again<F, E>(name: &'static str, pace: Pace, mut stop: watch::Receiver<bool>, mut step: impl FnMut() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: Into<anyhow::Error>,
{
    let mut ticks = tokio::time::interval_at(Instant::now() + pace.first, pace.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = ticks.tick() => {}
        }
        match AssertUnwindSafe(async { step().await }).catch_unwind().await {
            Ok(Ok(())) => is_failing = false,
            Ok(Err(error)) => {
                log_failure(name, &error.into(), is_failing);
                is_failing = true;
            }
            // Without its words, which may quote a text.
            Err(_panic) => {
                tracing::error!(task = name, "a background task panicked and goes on in a moment");
                ticks.reset_after(AFTER_PANIC.max(pace.every));
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Where nobody is left to tell it, nobody is left to work for.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Said aloud once, until it works again: a database that is away is away for every step of every task.
fn log_failure(task: &str, error: &anyhow::Error, is_known: bool) {
    let error = format!("{error:#}");
    if is_known {
        tracing::debug!(task, error, "a background task fails still");
    } else {
        tracing::warn!(task, error, "a background task failed and tries again");
    }
}

/// At once while there is work.
async fn triage_waiting(triage: Arc<triage::Triage>) -> Result<(), TriageError> {
    loop {
        match triage.sweep().await? {
            0 => return Ok(()),
            claimed => tracing::info!(claimed, "the sweeper took up waiting tickets"),
        }
    }
}

async fn forget_keys(triage: Arc<triage::Triage>) -> Result<(), TriageError> {
    match triage.forget_keys().await? {
        0 => {}
        keys => tracing::info!(keys, "old idempotency keys are forgotten"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use store::StoreError;
    use tokio::sync::mpsc;

    use super::*;

    /// What a task says that comes to nothing twice, by a panic and by an error, and then goes on.
    #[tokio::test]
    async fn a_step_that_panics_or_fails_is_taken_again_until_told_to_stop() {
        let (stop, stopped) = watch::channel(false);
        let (said, mut heard) = mpsc::unbounded_channel();
        let mut steps = 0;
        let task = tokio::spawn(again("test", Pace::of(Duration::from_millis(1)), stopped, move || {
            steps += 1;
            let (said, step) = (said.clone(), steps);
            async move {
                said.send(step).expect("somebody hears");
                match step {
                    1 => panic!("the first step"),
                    2 => Err(StoreError::Closed),
                    _ => Ok(()),
                }
            }
        }));
        for expected in 1..=4 {
            assert_eq!(heard.recv().await, Some(expected));
        }
        stop.send_replace(true);
        task.await.expect("it ends when it is told to");
    }
}
