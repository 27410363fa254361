//! What the fit is worth on the queries it did not see.

use std::path::Path;

use eval::fusion::{Observed, Worth, worth};
use search::{FEATURES, FusionConfig};
use serde::Serialize;
use training::parameters;

use super::{Set, wide};

/// What the fitted weights are worth on the queries held out of a set.
#[derive(Debug, Serialize)]
pub(super) struct SetReport {
    language: String,
    fused: Worth,
    dense_alone: Worth,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_alone: Option<Worth>,
    words_alone: Worth,
}

/// What tells people about weights that were written to a folder.
pub(super) fn card(weights: &toml::Table, figures: &str, out: &Path) -> String {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let revision = parameters::revision(weights);
    format!(
        "# {name}\n\nRevision {revision}. How search weighs meaning, title and words, by language of the query.\n\nFitted by \
         `deskwise train fusion` on one half of each set's queries (by a hash of their text); these figures are on the \
         other half, held out:\n\n```json\n{figures}\n```\n"
    )
}

/// The figures of one set.
pub(super) fn judge(set: &Set, fusion: &FusionConfig) -> SetReport {
    let held_out: Vec<&Observed> = set.observed.iter().filter(|observed| observed.held_out).collect();
    let alone = |feature: usize| {
        let mut one = vec![0.0; FEATURES];
        one[feature] = 1.0;
        worth(&held_out, &one)
    };
    let weights = fusion.weights(Some(&set.language), set.titled).as_array();
    let has_titles = held_out.iter().flat_map(|one| &one.candidates).any(|row| row[1] != 0.0);
    SetReport {
        language: set.language.clone(),
        fused: worth(&held_out, &wide(&weights)),
        dense_alone: alone(0),
        title_alone: has_titles.then(|| alone(1)),
        words_alone: alone(2),
    }
}
