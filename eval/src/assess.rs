//! What a head says of texts, by the very functions triage runs.

use anyhow::{Context, Result};
use classifier::abstention::HeldOut;
use classifier::{Assessment, EncoderId, Head, HeadSpec};
use desk::text::without_quoted_history;
use encoder::{Encoder, Side};

use crate::agreement::Indexed;
use crate::metrics::{Kind, Metrics};
use crate::prediction::{Outsider, Prediction};
use crate::rows::LabelledText;
use crate::share::share;
use crate::{Progress, abstention, calibration, scope};

/// Texts embedded at once.
const BATCH: usize = 256;

/// Refuses a head that was trained on another encoder.
///
/// **Errors**: [`classifier::ClassifierError::OtherEncoder`], naming both.
pub fn check_encoder(head: &Head, encoder: &Encoder) -> Result<()> {
    Ok(head.accept_encoder(&EncoderId {
        name: encoder.model().to_owned(),
        revision: encoder.revision().to_owned(),
        dimensions: encoder.dimensions(),
        max_tokens: encoder.max_tokens(),
    })?)
}

/// Unit vectors of texts, as triage embeds them: without the mails they quote. **Shape**: `[texts][dimensions]`.
///
/// **Errors**: the encoder's.
pub fn embed(encoder: &Encoder, texts: &[String], progress: &mut Progress<'_>) -> Result<Vec<Vec<f32>>> {
    let mut vectors = Vec::with_capacity(texts.len());
    for batch in texts.chunks(BATCH) {
        let said = batch.iter().map(|text| without_quoted_history(text)).collect();
        let batch = encoder
            .embed_blocking(said, Side::Passage)
            .context("embedding the texts")?;
        vectors.extend(batch);
        progress(vectors.len(), texts.len());
    }
    Ok(vectors)
}

/// What the head says of every row, read as triage reads it. **Shape**: `vectors` `[rows][dimensions]`.
///
/// **Errors**: a vector that does not fit the head.
pub fn predict(head: &Head, rows: &[LabelledText], vectors: &[Vec<f32>]) -> Result<Vec<Prediction>> {
    rows.iter()
        .zip(vectors)
        .map(|(row, vector)| {
            let said = head.assess(&without_quoted_history(&row.text), vector);
            let said = said.context("assessing a row")?;
            Ok(prediction(row, &said))
        })
        .collect()
}

/// What the head says of texts that belong to no label. **Shape**: `vectors` `[texts][dimensions]`.
///
/// **Errors**: a vector that does not fit the head.
pub fn predict_outsiders(head: &Head, texts: &[String], vectors: &[Vec<f32>]) -> Result<Vec<Outsider>> {
    texts
        .iter()
        .zip(vectors)
        .map(|(text, vector)| {
            let said = head.assess(&without_quoted_history(text), vector);
            let said = said.context("assessing a text out of scope")?;
            Ok(Outsider {
                text: text.clone(),
                predicted: most_probable(&said),
                confidence: said.confidence,
                energy: said.energy,
                decided: said.label.is_some(),
                out_of_scope: said.out_of_scope,
            })
        })
        .collect()
}

/// What a fit said of rows while they were held out, where only its probabilities are kept: there is no energy. Thresholds are
/// those of the head that came of it, derived from what it `remembers` of the very rows.
///
/// **Shape**: `probabilities` `[rows][labels]`.
pub fn predict_held_out(
    spec: &HeadSpec,
    remembers: &HeldOut,
    rows: &[LabelledText],
    probabilities: &[Vec<f32>],
) -> Vec<Prediction> {
    let thresholds = remembers.thresholds(spec.labels.len(), spec.target_precision, spec.threshold_per_label);
    let pairs = rows.iter().zip(probabilities);
    pairs
        .map(|(row, values)| prediction(row, &Assessment::of(spec, &thresholds, values, 0.0, false)))
        .collect()
}

fn prediction(row: &LabelledText, said: &Assessment) -> Prediction {
    let truth = |label: &str| f32::from(u8::from(label == row.label));
    let right = said.probabilities.iter().find(|(label, _)| *label == row.label);
    // A label the head does not know is a certain truth it gave no probability.
    let unknown = if right.is_none() { 1.0 } else { 0.0 };
    let distance: f32 = said
        .probabilities
        .iter()
        .map(|(label, p)| (p - truth(label)).powi(2))
        .sum();
    Prediction {
        row: row.row,
        text: row.text.clone(),
        label: row.label.clone(),
        predicted: most_probable(said),
        confidence: said.confidence,
        threshold: said.threshold,
        right_probability: right.map_or(0.0, |(_, p)| *p),
        brier: distance + unknown,
        energy: said.energy,
        decided: said.label.is_some(),
        out_of_scope: said.out_of_scope,
        alternatives: said.alternatives.clone(),
    }
}

fn most_probable(said: &Assessment) -> String {
    said.probabilities
        .first()
        .map(|(label, _)| label.clone())
        .unwrap_or_default()
}

/// The figures over predictions, and over texts out of scope where there are any.
pub fn figures(predictions: &[Prediction], outsiders: Option<&[Outsider]>) -> Metrics {
    let indexed = Indexed::new(predictions);
    let majority = indexed.majority();
    let figures = [
        ("accuracy", indexed.accuracy()),
        ("macro_f1", indexed.macro_f1()),
        ("majority_accuracy", majority.accuracy()),
        ("majority_macro_f1", majority.macro_f1()),
        ("ece", calibration::ece(predictions)),
        ("ece_by_chance", calibration::ece_by_chance(predictions)),
        ("brier", calibration::brier(predictions)),
        ("coverage_at_target_precision", abstention::coverage(predictions)),
        (
            "precision_when_decided",
            abstention::precision_when_decided(predictions),
        ),
        ("alternatives_coverage", abstention::alternatives_coverage(predictions)),
        ("alternatives_size", abstention::alternatives_size(predictions)),
    ];
    let mut metrics = Metrics::new(Kind::Classify, predictions.len(), figures);
    metrics.per_label = indexed.per_label();
    if let Some(outsiders) = outsiders {
        add_scope(&mut metrics, predictions, outsiders);
    }
    metrics
}

fn add_scope(metrics: &mut Metrics, predictions: &[Prediction], outsiders: &[Outsider]) {
    let inside: Vec<f64> = predictions.iter().map(|p| f64::from(p.energy)).collect();
    let outside: Vec<f64> = outsiders.iter().map(|o| f64::from(o.energy)).collect();
    metrics.add("ood_auroc", scope::auroc(&inside, &outside));
    metrics.add("ood_recall", share(outsiders.iter().map(|o| o.out_of_scope)));
    metrics.add("ood_not_decided", share(outsiders.iter().map(|o| !o.decided)));
    metrics.add("in_scope_kept", share(predictions.iter().map(|p| !p.out_of_scope)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(probabilities: &[(&str, f32)]) -> Assessment {
        Assessment {
            probabilities: probabilities.iter().map(|(l, p)| ((*l).to_owned(), *p)).collect(),
            label: None,
            confidence: probabilities[0].1,
            energy: 1.0,
            threshold: 0.9,
            out_of_scope: false,
            alternatives: Vec::new(),
        }
    }

    fn row(label: &str) -> LabelledText {
        LabelledText {
            row: 7,
            text: "x".to_owned(),
            label: label.to_owned(),
        }
    }

    #[test]
    fn the_brier_score_is_the_squared_distance_from_the_truth() {
        let right = prediction(&row("a"), &said(&[("a", 0.7), ("b", 0.3)]));
        assert!((right.brier - 0.18).abs() < 1e-6 && right.is_right());
        assert_eq!(right.row, 7, "the row of the data, not of the run");
        let unknown = prediction(&row("c"), &said(&[("a", 0.7), ("b", 0.3)]));
        assert!((unknown.brier - 1.58).abs() < 1e-6 && unknown.right_probability == 0.0);
    }

    #[test]
    fn every_figure_is_there_and_scope_only_where_it_was_asked_for() {
        let predictions = [prediction(&row("a"), &said(&[("a", 0.7), ("b", 0.3)]))];
        let metrics = figures(&predictions, None);
        for name in ["accuracy", "macro_f1", "ece", "brier", "coverage_at_target_precision"] {
            assert!(metrics.figures.contains_key(name), "{name}");
        }
        assert!(
            !metrics.figures.contains_key("precision_when_decided"),
            "nothing was decided"
        );
        assert!(!metrics.figures.contains_key("ood_auroc"));
        let outsider = Outsider {
            text: "y".to_owned(),
            predicted: "a".to_owned(),
            confidence: 0.4,
            energy: 0.5,
            decided: false,
            out_of_scope: true,
        };
        let metrics = figures(&predictions, Some(&[outsider]));
        assert_eq!(metrics.figures["ood_auroc"].value, 1.0);
        assert_eq!(metrics.figures["ood_recall"].value, 1.0);
    }
}
