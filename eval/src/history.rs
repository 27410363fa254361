//! The desk's own past: what a head would have done with the tickets people have since put right.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::bootstrap::{Figure, share};
use crate::metrics::Metrics;
use crate::prediction::Prediction;
use crate::rows::LabelledText;

/// Fewer tickets than this on either side of the split say nothing.
const LEAST: usize = 10;
const SECONDS_A_WEEK: f64 = 7.0 * 24.0 * 3600.0;

/// A ticket whose label people have confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastTicket {
    /// Its text and the label it ended up with.
    pub row: LabelledText,
    /// The label it had before people looked, if any.
    pub first: Option<String>,
    /// When it was written. **Units:** seconds since 1970.
    pub at: i64,
}

/// The past in two parts.
#[derive(Debug, Clone)]
pub struct Split {
    /// To learn from.
    pub older: Vec<PastTicket>,
    /// To judge on.
    pub newer: Vec<PastTicket>,
    /// Older tickets left out because no other has their label.
    pub lonely: usize,
}

/// The newest share of the tickets apart from the rest; a head must not learn from what came later.
///
/// **Errors**: too few tickets.
pub fn split(mut tickets: Vec<PastTicket>, newest: f64) -> Result<Split> {
    tickets.sort_by_key(|ticket| ticket.at);
    let judged = (tickets.len() as f64 * newest).round() as usize;
    let older_count = tickets.len() - judged;
    ensure!(
        judged >= LEAST && older_count >= LEAST,
        "{} tickets have a label that people confirmed (solved, closed or corrected); that is too few to teach on the \
         older and judge on the newest {judged}: at least {LEAST} each are needed",
        tickets.len()
    );
    let newer = tickets.split_off(older_count);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for ticket in &tickets {
        *seen.entry(ticket.row.label.clone()).or_default() += 1;
    }
    tickets.retain(|ticket| seen[&ticket.row.label] > 1);
    Ok(Split {
        lonely: older_count - tickets.len(),
        older: tickets,
        newer,
    })
}

/// Adds what it means in a week: how many tickets go wrong, with the head and without.
///
/// **Shape**: one prediction a ticket, in their order.
pub fn add_weekly(metrics: &mut Metrics, newer: &[PastTicket], predictions: &[Prediction]) {
    let weeks = weeks(newer);
    let weekly = |share: Figure| Figure {
        value: share.value * newer.len() as f64 / weeks,
        low: share.low * newer.len() as f64 / weeks,
        high: share.high * newer.len() as f64 / weeks,
    };
    let wrong = |p: &Prediction| p.decided && !p.is_right();
    metrics.add("misroutes_a_week", weekly(share(predictions.iter().map(wrong))));
    metrics.add("asked_a_week", weekly(share(predictions.iter().map(|p| !p.decided))));
    let before = newer
        .iter()
        .map(|ticket| ticket.first.as_ref() != Some(&ticket.row.label));
    if newer.iter().any(|ticket| ticket.first.is_some()) {
        metrics.add("misroutes_a_week_before", weekly(share(before)));
    }
    metrics.fact("weeks", weeks);
}

/// Time the tickets span; at least a day, so that one busy hour is not taken for every hour of a week.
fn weeks(tickets: &[PastTicket]) -> f64 {
    let times = || tickets.iter().map(|ticket| ticket.at);
    let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
    (span as f64 / SECONDS_A_WEEK).max(1.0 / 7.0)
}

/// What it means, in a sentence.
pub fn sentence(metrics: &Metrics) -> String {
    let value = |name: &str| metrics.figures.get(name).map_or(0.0, |figure| figure.value);
    let target = metrics.facts.get("target_precision").copied().unwrap_or(0.0);
    let instead = match metrics.figures.get("misroutes_a_week_before") {
        Some(before) => format!(" instead of {:.1}", before.value),
        None => String::new(),
    };
    format!(
        "At a target precision of {target:.2}, {:.1} misroutes a week{instead}; {:.0} % of the tickets are decided alone, \
         {:.1} a week go to a person.",
        value("misroutes_a_week"),
        100.0 * value("coverage_at_target_precision"),
        value("asked_a_week"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    fn ticket(at: i64, label: &str, first: Option<&str>) -> PastTicket {
        PastTicket {
            row: LabelledText {
                text: format!("ticket {at}"),
                label: label.to_owned(),
            },
            first: first.map(str::to_owned),
            at,
        }
    }

    fn said(label: &str, predicted: &str, decided: bool) -> Prediction {
        Prediction {
            label: label.to_owned(),
            predicted: predicted.to_owned(),
            decided,
            ..Prediction::default()
        }
    }

    #[test]
    fn the_newest_are_judged_and_a_label_seen_once_is_not_taught() {
        let mut tickets: Vec<PastTicket> = (0..50)
            .rev()
            .map(|at| ticket(at, if at == 3 { "rare" } else { "a" }, None))
            .collect();
        tickets.rotate_left(7);
        let split = split(tickets, 0.2).expect("enough");
        assert_eq!((split.older.len(), split.newer.len(), split.lonely), (39, 10, 1));
        assert!(
            split
                .older
                .iter()
                .all(|old| split.newer.iter().all(|new| old.at < new.at))
        );
    }

    #[test]
    fn too_few_tickets_are_refused() {
        let error = split(vec![ticket(0, "a", None)], 0.2).expect_err("too few").to_string();
        assert!(error.starts_with("1 tickets"), "{error}");
    }

    #[test]
    fn misroutes_are_counted_by_the_week() {
        // Four tickets over two weeks.
        let week = SECONDS_A_WEEK as i64;
        let newer = [
            ticket(0, "a", Some("b")),
            ticket(1, "a", Some("b")),
            ticket(2, "b", Some("b")),
            ticket(2 * week, "b", Some("a")),
        ];
        let predictions = [
            said("a", "b", true),
            said("a", "b", false),
            said("b", "b", true),
            said("b", "b", true),
        ];
        let mut metrics = Metrics::new(Kind::Classify, 4, []);
        add_weekly(&mut metrics, &newer, &predictions);
        let value = |name: &str| metrics.figures[name].value;
        assert_eq!(value("misroutes_a_week"), 0.5);
        assert_eq!(value("misroutes_a_week_before"), 1.5);
        assert_eq!(value("asked_a_week"), 0.5);
        assert!(sentence(&metrics).contains("0.5 misroutes a week instead of 1.5"));
    }
}
