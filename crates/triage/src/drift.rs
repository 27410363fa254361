//! What came in lately, beside what each head was trained on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use classifier::drift::{index_by_chance, mean_distance, population_stability_index};
use desk::HeadRole;

use crate::Triage;
use crate::assess::Assessment;
use crate::models::Models;

/// Tickets looked back at.
const WINDOW: usize = 1_000;
/// Tickets below which nothing is said: with eleven labels, fewer than this reach an index of .25 by chance alone more
/// often than one time in ten.
const LEAST: usize = 65;

/// How far the latest tickets have moved from what a head was trained on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Drift {
    /// Tickets this server has triaged lately with the version that serves, which it was measured on.
    pub tickets: usize,
    /// Population stability index of the predicted labels; none before there are enough tickets.
    pub labels: Option<f64>,
    /// What so few tickets reach by chance one time in twenty where nothing has moved; none likewise.
    pub labels_by_chance: Option<f64>,
    /// Distance of the mean of the tickets' vectors from that of the training's: 1 less the cosine; none likewise.
    pub vectors: Option<f32>,
}

/// The latest tickets this process triaged.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<VecDeque<Arc<Seen>>>);

/// What was said of one ticket, and by which versions.
#[derive(Debug)]
pub(crate) struct Seen {
    predicted: BTreeMap<HeadRole, (i64, String)>,
    vector: Vec<f32>,
}

impl Seen {
    /// What the heads thought most probable, given or not.
    pub(crate) fn new(models: &Models, assessment: &Assessment) -> Self {
        let predicted = |role: &HeadRole| {
            let first = assessment.choice(*role).probabilities.first()?;
            Some((*role, (models.head(*role).version, first.label.clone())))
        };
        Seen {
            predicted: HeadRole::ALL.iter().filter_map(predicted).collect(),
            vector: assessment.embedded.vector.clone(),
        }
    }

    /// What this version of a head predicted; none where another one did.
    fn by(&self, role: HeadRole, version: i64) -> Option<&str> {
        let (by, label) = self.predicted.get(&role)?;
        (*by == version).then_some(label.as_str())
    }
}

impl Lately {
    pub(crate) fn see(&self, seen: Seen) {
        let mut window = self.lock();
        window.truncate(WINDOW - 1);
        window.push_front(Arc::new(seen));
    }

    /// The window as it is now; whoever looks at it holds up nobody who sees.
    fn now(&self) -> Vec<Arc<Seen>> {
        self.lock().iter().map(Arc::clone).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Seen>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Triage {
    /// How far the latest tickets have moved from what a head was trained on.
    pub fn drift(&self, role: HeadRole) -> Drift {
        let models = self.models();
        let head = models.head(role);
        let window = self.lately.now();
        let seen: Vec<(&str, &Seen)> = window
            .iter()
            .filter_map(|seen| Some((seen.by(role, head.version)?, seen.as_ref())))
            .collect();
        if seen.len() < LEAST {
            return Drift {
                tickets: seen.len(),
                ..Drift::default()
            };
        }
        let count = |label: &String| seen.iter().filter(|(said, _)| said == label).count() as f64;
        let found: Vec<f64> = head.labels().iter().map(count).collect();
        let mut mean = vec![0.0; models.encoder.dimensions()];
        for (_, seen) in &seen {
            mean.iter_mut().zip(&seen.vector).for_each(|(sum, value)| *sum += value);
        }
        Drift {
            tickets: seen.len(),
            labels: population_stability_index(&head.trained_shares(), &found),
            labels_by_chance: index_by_chance(found.len(), head.trained_rows(), seen.len()),
            vectors: mean_distance(&head.trained_mean(), &mean),
        }
    }
}
