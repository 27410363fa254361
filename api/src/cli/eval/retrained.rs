//! A head as `retrain` would have made it when only the older tickets were there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use anyhow::{Context, Result};
use desk::HeadRole;
use desk::model_version::active_version;
use encoder::Encoder;
use eval::history::Split;
use eval::rows::{self, LabelledText};
use store::Store;
use training::data::Row;

use super::taught::{Retraining, Taught, of_chosen_rows, retrain};
use crate::config::Config;
use crate::learning::{self, SharedVectors, Shelf};

/// What retraining goes by beside the tickets.
pub struct Teacher {
    field: HeadRole,
    /// Folder of the head in force.
    in_force: PathBuf,
    /// Vectors that need not be made.
    known: SharedVectors,
    /// Share of given labels that should be right, where the settings say.
    precision: Option<f64>,
}

/// A head and what it was not taught.
pub struct Pupil {
    /// The head.
    pub head: Taught,
    /// Rows left out because no other text has their label.
    pub lonely: usize,
}

impl Teacher {
    /// As the desk is now.
    ///
    /// **Errors**: the database's, a head that cannot be unpacked.
    pub async fn find(store: &Store, encoder: &Encoder, field: HeadRole, config: &Config) -> Result<Self> {
        let active = active_version(&store.list_activations(field).await?);
        Ok(Teacher {
            field,
            in_force: learning::folder(store, &Shelf::open(config)?, field, active).await?,
            known: learning::known(config, store, encoder, None).await,
            precision: config.triage.precision(field),
        })
    }

    /// Teaches a head on the older tickets but for those whose text is judged, by a recipe where one is given.
    ///
    /// **Errors**: a recipe that cannot be read, too little to learn from.
    pub fn teach(
        &self,
        split: &Split,
        judged: &[LabelledText],
        recipe_file: Option<&Path>,
        (encoder, encoder_folder): (&Encoder, &Path),
    ) -> Result<Pupil> {
        let (rows, leaks) = rows::drop_leaks(self.lessons(split)?, judged);
        let (rows, lonely) = rows::drop_lonely(rows);
        let recipe = match recipe_file {
            Some(file) => of_chosen_rows(file)?,
            None => learning::recipe(self.field, self.precision, &self.in_force)?,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let how = Retraining {
            recipe: &recipe,
            recipe_file,
            encoder,
            encoder_folder,
            known: &mut known,
        };
        let head = retrain(rows, leaks, how).context("teaching a head on the older tickets")?;
        Ok(Pupil { head, lonely })
    }

    /// What retraining would teach.
    fn lessons(&self, split: &Split) -> Result<Vec<LabelledText>> {
        let labels: BTreeSet<String> = triage::head_labels(&self.in_force)?.into_iter().collect();
        let latest_first = split.older.iter().rev().map(|ticket| Row {
            line: ticket.row.row as u64,
            text: ticket.row.text.clone(),
            label: ticket.row.label.clone(),
            slice: None,
        });
        let (own, shipped) = learning::taught_by(self.field, latest_first.collect(), &labels);
        eprintln!(
            "a head is taught on {} of the {} older tickets, as retraining never learns from a fifth of them, and on {} rows \
             that came with the program",
            own.len(),
            split.older.len(),
            shipped.len()
        );
        let row = |(row, Row { text, label, .. })| LabelledText { row, text, label };
        Ok((1..).zip(own.into_iter().chain(shipped)).map(row).collect())
    }
}
