//! A head on labelled rows, by the very functions triage runs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use classifier::Head;
use encoder::{Encoder, Side};
use serde::Serialize;

use crate::Progress;
use crate::bootstrap::Figure;
use crate::metrics::{self, LabelFigures, Prediction};
use crate::rows::LabelledText;

/// Texts embedded at once.
const BATCH: usize = 256;

/// The figures of a head on a set.
#[derive(Debug, Clone, Serialize)]
pub struct ClassifyMetrics {
    /// Rows judged.
    pub rows: usize,
    /// Share of right rows.
    pub accuracy: Figure,
    /// Mean F1 over labels.
    pub macro_f1: Figure,
    /// Expected calibration error.
    pub ece: Figure,
    /// Brier score.
    pub brier: Figure,
    /// Share of rows the head decided alone.
    pub coverage: Figure,
    /// Share of right rows among those.
    pub precision_when_decided: Figure,
    /// How well the energy tells rows in scope from rows out of scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ood_auroc: Option<Figure>,
    /// Precision, recall and F1 by label.
    pub per_label: BTreeMap<String, LabelFigures>,
}

/// What the head says of every row.
pub fn predict(
    encoder: &Encoder,
    head: &Head,
    rows: &[LabelledText],
    progress: &mut Progress<'_>,
) -> Result<Vec<Prediction>> {
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    let said = assess(encoder, head, &texts, progress)?;
    Ok(rows
        .iter()
        .zip(said)
        .map(|(row, said)| prediction(row, &said))
        .collect())
}

/// The energy of each text, for rows that belong to no label.
pub fn energies(encoder: &Encoder, head: &Head, texts: &[String], progress: &mut Progress<'_>) -> Result<Vec<f64>> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Ok(assess(encoder, head, &texts, progress)?
        .iter()
        .map(|said| f64::from(said.energy))
        .collect())
}

fn assess(
    encoder: &Encoder,
    head: &Head,
    texts: &[&str],
    progress: &mut Progress<'_>,
) -> Result<Vec<classifier::Assessment>> {
    let mut said = Vec::with_capacity(texts.len());
    for batch in texts.chunks(BATCH) {
        let owned = batch.iter().map(|&text| text.to_owned()).collect();
        let vectors = encoder
            .embed_blocking(owned, Side::Passage)
            .context("embedding the rows")?;
        for (text, vector) in batch.iter().zip(&vectors) {
            said.push(head.assess(text, vector).context("assessing a row")?);
        }
        progress(said.len(), texts.len());
    }
    Ok(said)
}

fn prediction(row: &LabelledText, said: &classifier::Assessment) -> Prediction {
    let truth = |label: &str| f32::from(u8::from(label == row.label));
    let predicted = said
        .probabilities
        .first()
        .map(|(label, _)| label.clone())
        .unwrap_or_default();
    Prediction {
        text: row.text.clone(),
        label: row.label.clone(),
        predicted,
        confidence: said.confidence,
        right_probability: said
            .probabilities
            .iter()
            .find(|(label, _)| *label == row.label)
            .map_or(0.0, |(_, p)| *p),
        brier: said
            .probabilities
            .iter()
            .map(|(label, p)| (p - truth(label)).powi(2))
            .sum(),
        energy: said.energy,
        decided: said.label.is_some(),
        alternatives: said.alternatives.clone(),
    }
}

/// The figures over predictions, and over the energies of rows out of scope where there are any.
pub fn figures(predictions: &[Prediction], out_of_scope: Option<&[f64]>) -> ClassifyMetrics {
    let energies: Vec<f64> = predictions.iter().map(|p| f64::from(p.energy)).collect();
    let (coverage, precision_when_decided) = metrics::decided(predictions);
    ClassifyMetrics {
        rows: predictions.len(),
        accuracy: metrics::accuracy(predictions),
        macro_f1: metrics::macro_f1(predictions),
        ece: metrics::ece(predictions),
        brier: metrics::brier(predictions),
        coverage,
        precision_when_decided,
        ood_auroc: out_of_scope.map(|outside| metrics::auroc(&energies, outside)),
        per_label: metrics::per_label(predictions),
    }
}
