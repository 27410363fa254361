//! What two tickets share, as numbers for the model and in words for an agent.

use super::weights::FEATURES;

/// Figures in common that count at most.
pub(super) const FIGURES_MAX: usize = 10;
/// Days after which distance no longer matters.
const DAYS_MAX: f64 = 14.0;

/// What two tickets share.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shared {
    /// How many candidates the search puts before it.
    pub rank: usize,
    /// Cosine of the texts. **Units:** -1 to 1.
    pub cosine: f64,
    /// The cosine less the mean cosine of the candidates; this and the leads count for less where there are few.
    pub standout: f64,
    /// The cosine less that of other candidates, of the second highest of them.
    pub lead: f64,
    /// Dice coefficient of the subjects' words by rarity. **Units:** 0 to 1.
    pub subject: f64,
    /// As `lead`, of the subjects' words.
    pub subject_lead: f64,
    /// Dice coefficient of the texts' words by rarity. **Units:** 0 to 1.
    pub words: f64,
    /// As `lead`, of the texts' words.
    pub words_lead: f64,
    /// Rare identifiers both hold, as the first of the two writes them.
    pub identifiers: Vec<String>,
    /// Dice coefficient of the identifiers by rarity. **Units:** 0 to 1.
    pub named: f64,
    /// Whether both hold identifiers, none of them in common.
    pub other_identifiers: bool,
    /// Whether both hold numbers of one kind, none of them in common.
    pub conflict: bool,
    /// Amounts, versions, times and short codes that both hold.
    pub figures: Vec<String>,
    /// Whether both hold figures, none of them in common.
    pub other_figures: bool,
    /// Whether the same person wrote both.
    pub same_requester: bool,
    /// Whether both are of the same client.
    pub same_account: bool,
    /// Between the two.
    pub days: f64,
}

impl Shared {
    /// In the order of [`Weights`](super::weights::Weights). **Shape:** `[FEATURES]`.
    pub fn features(&self) -> [f64; FEATURES] {
        [
            (self.rank as f64).ln_1p(),
            self.cosine,
            self.standout,
            self.lead,
            self.subject,
            self.subject_lead,
            self.words,
            self.words_lead,
            self.named,
            f64::from(self.other_identifiers),
            f64::from(self.conflict),
            (self.figures.len().min(FIGURES_MAX) as f64).ln_1p(),
            f64::from(self.other_figures),
            f64::from(self.same_requester),
            f64::from(self.same_account),
            self.days.min(DAYS_MAX).ln_1p(),
        ]
    }

    /// In words an agent can read.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons = vec![format!("likeness of the texts {:.2}", self.cosine)];
        if self.subject > 0.0 {
            reasons.push(format!("{:.0} % of the subjects' words agree", 100.0 * self.subject));
        }
        let named = [self.identifiers.as_slice(), &self.figures].concat();
        if !named.is_empty() {
            reasons.push(format!("both name {}", named.join(", ")));
        }
        if self.conflict {
            reasons.push("they name different numbers".to_owned());
        }
        if self.same_requester {
            reasons.push("the same person wrote both".to_owned());
        }
        if self.same_account {
            reasons.push("both are of the same account".to_owned());
        }
        reasons.push(format!("{:.0} days apart", self.days));
        reasons
    }
}
