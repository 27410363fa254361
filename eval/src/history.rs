//! The desk's own past: what a head would have done with the tickets people have since put right.

use anyhow::{Result, ensure};

use crate::bootstrap::Figure;
use crate::metrics::Metrics;
use crate::prediction::Prediction;
use crate::rows::LabelledText;
use crate::share::share;

/// Fewer tickets than this on either side of the split say nothing.
const LEAST: usize = 10;
const SECONDS_A_WEEK: f64 = 7.0 * 24.0 * 3600.0;

/// A ticket whose label people have confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastTicket {
    /// Its text and the label it ended up with.
    pub row: LabelledText,
    /// What the head of its day did with it; none where that is not on record.
    pub before: Option<Before>,
    /// When it was written. **Units:** seconds since 1970.
    pub at: i64,
}

/// What the head of its day did with a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// It decided on this label.
    Decided(String),
    /// It left the ticket to a person.
    Asked,
}

impl PastTicket {
    /// Whether it went where it did not belong before people looked; none where that is not on record.
    fn was_misrouted(&self) -> Option<bool> {
        let before = self.before.as_ref()?;
        Some(matches!(before, Before::Decided(label) if *label != self.row.label))
    }

    fn was_asked(&self) -> Option<bool> {
        Some(*self.before.as_ref()? == Before::Asked)
    }
}

/// The past in two parts.
#[derive(Debug, Clone)]
pub struct Split {
    /// To learn from.
    pub older: Vec<PastTicket>,
    /// To judge on.
    pub newer: Vec<PastTicket>,
    /// Newer tickets left out because the head or its encoder has learnt them, or may have.
    pub learnt: usize,
    /// Time that the newer tickets span, those left out among them.
    pub weeks: f64,
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
    Ok(Split {
        learnt: 0,
        weeks: weeks(&newer),
        older: tickets,
        newer,
    })
}

impl Split {
    /// Leaves out the newer tickets whose text the head or its encoder has learnt, or may have: by them it would judge itself.
    ///
    /// **Errors**: too few are left.
    pub fn leave_out_learnt(&mut self, has_learnt: impl Fn(&str) -> bool) -> Result<()> {
        let all = self.newer.len();
        self.newer.retain(|ticket| !has_learnt(&ticket.row.text));
        self.learnt = all - self.newer.len();
        ensure!(
            self.newer.len() >= LEAST,
            "the head or its encoder may have learnt {} of the newest {all} tickets; of the others there are {}, and at \
             least {LEAST} are needed: judge a longer past with --newest",
            self.learnt,
            self.newer.len()
        );
        Ok(())
    }

    /// How many of the newer tickets come in a week, those left out among them.
    fn tickets_a_week(&self) -> f64 {
        (self.newer.len() + self.learnt) as f64 / self.weeks
    }
}

/// Adds what it means in a week: how many tickets go wrong and how many are left to people, with the head and with
/// those of their day. Of either, a ticket goes wrong when a label was decided on and is not the right one. What was left
/// out is taken to be like the rest.
///
/// **Shape**: one prediction a newer ticket, in their order.
pub fn add_weekly(metrics: &mut Metrics, split: &Split, predictions: &[Prediction]) {
    let weekly = |share: Figure| Figure {
        value: share.value * split.tickets_a_week(),
        low: share.low * split.tickets_a_week(),
        high: share.high * split.tickets_a_week(),
    };
    let wrong = |p: &Prediction| p.decided && !p.is_right();
    metrics.add("misroutes_a_week", weekly(share(predictions.iter().map(wrong))));
    metrics.add("asked_a_week", weekly(share(predictions.iter().map(|p| !p.decided))));
    let before = |of: fn(&PastTicket) -> Option<bool>| weekly(share(split.newer.iter().filter_map(of)));
    metrics.add("misroutes_a_week_before", before(PastTicket::was_misrouted));
    metrics.add("asked_a_week_before", before(PastTicket::was_asked));
    metrics.fact("weeks", split.weeks);
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
    let instead = |name: &str| match metrics.figures.get(name) {
        Some(before) => format!(" instead of {:.1}", before.value),
        None => String::new(),
    };
    format!(
        "At a target precision of {target:.2}, {:.1} misroutes a week{}; {:.0} % of the tickets are decided alone, {:.1} a \
         week go to a person{}.",
        value("misroutes_a_week"),
        instead("misroutes_a_week_before"),
        100.0 * value("coverage_at_target_precision"),
        value("asked_a_week"),
        instead("asked_a_week_before"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    fn ticket(at: i64, label: &str, before: Option<Before>) -> PastTicket {
        PastTicket {
            row: LabelledText {
                row: at as usize + 1,
                text: format!("ticket {at}"),
                label: label.to_owned(),
            },
            before,
            at,
        }
    }

    fn decided(label: &str) -> Option<Before> {
        Some(Before::Decided(label.to_owned()))
    }

    fn said(label: &str, predicted: &str, decided: bool) -> Prediction {
        Prediction {
            label: label.to_owned(),
            predicted: predicted.to_owned(),
            decided,
            ..Prediction::default()
        }
    }

    fn newer(tickets: Vec<PastTicket>) -> Split {
        Split {
            older: Vec::new(),
            learnt: 0,
            weeks: weeks(&tickets),
            newer: tickets,
        }
    }

    #[test]
    fn the_newest_are_judged() {
        let mut tickets: Vec<PastTicket> = (0..50).rev().map(|at| ticket(at, "a", None)).collect();
        tickets.rotate_left(7);
        let split = split(tickets, 0.2).expect("enough");
        assert_eq!((split.older.len(), split.newer.len()), (40, 10));
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
    fn misroutes_are_counted_by_the_week_and_a_head_that_asked_has_made_none() {
        // Four tickets over two weeks.
        let week = SECONDS_A_WEEK as i64;
        let past = newer(vec![
            ticket(0, "a", decided("b")),
            ticket(1, "a", Some(Before::Asked)),
            ticket(2, "b", decided("b")),
            ticket(2 * week, "b", decided("a")),
        ]);
        let predictions = [
            said("a", "b", true),
            said("a", "b", false),
            said("b", "b", true),
            said("b", "b", true),
        ];
        let mut metrics = Metrics::new(Kind::Classify, 4, []);
        add_weekly(&mut metrics, &past, &predictions);
        let value = |name: &str| metrics.figures[name].value;
        assert_eq!((value("misroutes_a_week"), value("asked_a_week")), (0.5, 0.5));
        assert_eq!(
            (value("misroutes_a_week_before"), value("asked_a_week_before")),
            (1.0, 0.5)
        );
        let sentence = sentence(&metrics);
        assert!(sentence.contains("0.5 misroutes a week instead of 1.0"), "{sentence}");
        assert!(
            sentence.contains("0.5 a week go to a person instead of 0.5"),
            "{sentence}"
        );
    }

    #[test]
    fn without_a_record_nothing_is_said_of_before() {
        let past = newer(vec![ticket(0, "a", None), ticket(1, "a", None)]);
        let mut metrics = Metrics::new(Kind::Classify, 2, []);
        add_weekly(&mut metrics, &past, &[said("a", "a", true), said("a", "a", true)]);
        assert!(!metrics.figures.contains_key("misroutes_a_week_before"));
        assert!(!sentence(&metrics).contains("instead"));
    }

    #[test]
    fn what_the_head_may_have_learnt_judges_nothing_and_a_week_stays_as_busy() {
        let tickets = (0..200).map(|at| ticket(at, "a", None)).collect();
        let mut past = split(tickets, 0.5).expect("enough");
        let before = past.tickets_a_week();
        past.leave_out_learnt(|text| !text.ends_with('7'))
            .expect("ten are left");
        assert_eq!((past.newer.len(), past.learnt), (10, 90));
        assert!((past.tickets_a_week() - before).abs() < 1e-9);
        let error = past.leave_out_learnt(|_| true).expect_err("none are left").to_string();
        assert!(error.contains("may have learnt 10 of the newest 10"), "{error}");
    }
}
