//! The fitted weights of what two tickets share.

use serde::{Deserialize, Serialize};

/// Things that are weighed.
pub const FEATURES: usize = 16;

/// Whether more of each speaks for one matter; less of the others does. A fit that says otherwise is refused.
pub const SPEAKS_FOR: [bool; FEATURES] = [
    false, true, true, true, true, true, true, true, true, false, false, true, false, true, true, false,
];

/// Fitted weights. **Units:** log-odds for each unit of the feature. **Persisted** in the model's manifest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Where nothing is shared.
    pub intercept: f64,
    /// `ln(1 + n)` of the candidates that the search puts before it.
    pub rank: f64,
    /// Cosine of the two texts.
    pub cosine: f64,
    /// How far that cosine is above the mean of the candidates.
    pub standout: f64,
    /// How far it is above that of other candidates.
    pub lead: f64,
    /// Rare words shared by the two subjects.
    pub subject: f64,
    /// How many more of them than by other candidates.
    pub subject_lead: f64,
    /// Rare words shared by the two texts.
    pub words: f64,
    /// How many more of them than by other candidates.
    pub words_lead: f64,
    /// Rare identifiers shared.
    pub identifiers: f64,
    /// Both name identifiers and none in common.
    pub other_identifiers: f64,
    /// Both name numbers of one kind and none in common.
    pub conflict: f64,
    /// `ln(1 + n)` of the amounts, versions, times and short codes shared.
    pub figures: f64,
    /// Both name such figures and none in common.
    pub other_figures: f64,
    /// The same person wrote both.
    pub same_requester: f64,
    /// Both are of the same client.
    pub same_account: f64,
    /// `ln(1 + days)` between the two.
    pub days: f64,
}

impl Weights {
    /// From a fit. **Shape:** `weights` `[FEATURES]`, in the order of the fields.
    pub fn new(intercept: f64, weights: [f64; FEATURES]) -> Self {
        let [
            rank,
            cosine,
            standout,
            lead,
            subject,
            subject_lead,
            words,
            words_lead,
            identifiers,
            other_identifiers,
            conflict,
            figures,
            other_figures,
            same_requester,
            same_account,
            days,
        ] = weights;
        Weights {
            intercept,
            rank,
            cosine,
            standout,
            lead,
            subject,
            subject_lead,
            words,
            words_lead,
            identifiers,
            other_identifiers,
            conflict,
            figures,
            other_figures,
            same_requester,
            same_account,
            days,
        }
    }

    /// Those of the features, in the order of the fields.
    pub fn of_features(&self) -> [f64; FEATURES] {
        [
            self.rank,
            self.cosine,
            self.standout,
            self.lead,
            self.subject,
            self.subject_lead,
            self.words,
            self.words_lead,
            self.identifiers,
            self.other_identifiers,
            self.conflict,
            self.figures,
            self.other_figures,
            self.same_requester,
            self.same_account,
            self.days,
        ]
    }

    pub(super) fn log_odds(&self, features: &[f64; FEATURES]) -> f64 {
        let weighed = self
            .of_features()
            .iter()
            .zip(features)
            .map(|(weight, x)| weight * x)
            .sum::<f64>();
        self.intercept + weighed
    }
}
