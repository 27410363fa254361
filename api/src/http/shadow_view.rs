//! How a version that is tried out is shown.

use eval::Figure;
use eval::paired::Standing;
use eval::share::wilson;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::learning::{MARGIN, Shadow};

/// A version that is tried out: it assesses every ticket beside the active one and decides nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShadowView {
    /// The version that is tried out.
    version: i64,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    since: OffsetDateTime,
    /// The active version it is compared with.
    active: i64,
    /// Tickets that both have assessed.
    tickets: u64,
    /// How often both guess the same label; null before the first ticket.
    agreement: Option<FigureView>,
    /// Share of tickets that the active version decided alone.
    active_coverage: Option<FigureView>,
    /// Share of tickets that this version would have decided alone.
    coverage: Option<FigureView>,
    /// Tickets of those that agents have corrected or solved since.
    settled: u64,
    /// Of those, the ones whose label an agent has corrected; the others were solved with the label they had, which may be
    /// the active version's own that nobody looked at.
    corrected: u64,
    /// How often the active version's guess was right on them; null before the first.
    active_accuracy: Option<FigureView>,
    /// How often this version's guess was.
    accuracy: Option<FigureView>,
    /// Accuracy of this version less that of the active one, on the same tickets.
    difference: Option<FigureView>,
    /// How likely so uneven a split is if both are equally good, by McNemar's exact test.
    mcnemar_p: f64,
    /// What that shows: `better`, `not_worse` by more than three points, `worse`, or `unclear` as yet. Agents see what
    /// the active version said and leave it where they do not mind, so it has a small advantage.
    standing: StandingView,
}

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct FigureView {
    /// On all rows.
    value: f64,
    /// Lower end of the interval.
    low: f64,
    /// Upper end of the interval.
    high: f64,
}

/// What is known of one version beside another.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandingView {
    /// It is better.
    Better,
    /// It is shown not to be worse by more than the margin.
    NotWorse,
    /// It is worse.
    Worse,
    /// Too few tickets, or too close, to tell.
    Unclear,
}

impl From<Figure> for FigureView {
    fn from(figure: Figure) -> Self {
        FigureView {
            value: figure.value,
            low: figure.low,
            high: figure.high,
        }
    }
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Better => StandingView::Better,
            Standing::NotWorse => StandingView::NotWorse,
            Standing::Worse => StandingView::Worse,
            Standing::Unclear => StandingView::Unclear,
        }
    }
}

impl From<Shadow> for ShadowView {
    fn from(shadow: Shadow) -> Self {
        let (counts, settled) = (shadow.counts, shadow.settled());
        let share = |of| wilson(of, counts.tickets).map(FigureView::from);
        ShadowView {
            version: shadow.challenger.version,
            since: shadow.challenger.since,
            active: shadow.active,
            tickets: counts.tickets,
            agreement: share(counts.agreed),
            active_coverage: share(counts.active_sure),
            coverage: share(counts.challenger_sure),
            settled: settled.rows(),
            corrected: counts.corrected,
            active_accuracy: settled.accuracy_a().map(FigureView::from),
            accuracy: settled.accuracy_b().map(FigureView::from),
            difference: settled.difference().map(FigureView::from),
            mcnemar_p: settled.mcnemar().p,
            standing: settled.standing(MARGIN).into(),
        }
    }
}
