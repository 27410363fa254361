//! What the desk's own tickets teach a head, and what it is judged by.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use anyhow::Result;
use desk::{CorrectedField, HeadRole, Ticket};
use eval::rows::known_as;
use serde::Serialize;
use store::{Page, Store, StoreError};
use training::Learnt;
use training::data::Row;
use training::sample::{self, same_text};
use uuid::Uuid;

use crate::sample::labelled_texts;

/// Share of the desk's own tickets that no version ever learns from: what the hash of a text's words puts there stays
/// there.
const HELD_OUT_SHARE: f64 = 0.2;
/// Held-out tickets below which a comparison says nothing.
const HELD_OUT_MIN: usize = 20;
/// Rows read at once.
const PAGE: u32 = 1_000;

/// Why there is nothing to fit a head on. The head in use stays, and the desk goes on as before.
#[derive(Debug, thiserror::Error)]
pub enum RetrainError {
    /// There is not enough to learn from and to judge by.
    #[error(
        "the desk has {learnt} settled tickets to learn the {head} from and {held_out} to judge it by; \
         {HELD_OUT_MIN} to judge by are needed. A ticket is settled when an agent has corrected its {head} or solved it\
         {}", of_known(*.known)
    )]
    TooFew {
        /// The head.
        head: HeadRole,
        /// Rows to learn from.
        learnt: usize,
        /// Rows to judge by.
        held_out: usize,
        /// Rows to judge by that were left out, because the shipped head, the one in force or the encoder has learnt the same
        /// texts.
        known: usize,
    },
    /// Tickets have labels that the head in use does not decide on.
    #[error(
        "tickets are labelled {labels}, which the {head} head in use does not decide on; train one with these labels"
    )]
    ForeignLabels {
        /// The head.
        head: HeadRole,
        /// The labels, separated by commas.
        labels: String,
    },
    /// The head in use decides on labels that nothing teaches.
    #[error("no settled ticket is labelled {labels}, which the {head} head in use decides on as well")]
    MissingLabels {
        /// The head.
        head: HeadRole,
        /// The labels, separated by commas.
        labels: String,
    },
}

fn of_known(rows: usize) -> String {
    match rows {
        0 => String::new(),
        _ => format!(
            " ({rows} more have texts that the shipped head, the head in force or the encoder has learnt, so they judge \
             nothing)"
        ),
    }
}

/// Whether a head may have learnt a text: where it is that of a row that came with the program, and for a head that was
/// fitted on the desk's own tickets, where it is not among those that no version learns from.
pub fn may_have_learnt(head: HeadRole, is_of_desk: bool) -> impl Fn(&str) -> bool {
    let shipped: HashSet<String> = labelled_texts(head).map(|(text, _)| known_as(&text)).collect();
    move |text| shipped.contains(&same_text(text)) || (is_of_desk && !sample::is_test(text, HELD_OUT_SHARE))
}

/// What the desk's own tickets teach, and what they judge by.
#[derive(Debug)]
pub struct Lessons {
    /// Tickets to learn from, the latest first.
    pub own: Vec<Row>,
    /// Whose word their labels are.
    pub own_by: Evidence,
    /// Tickets to judge by: no two with the same words, and none that a head or the encoder has learnt.
    pub held_out: Vec<Row>,
    /// Whose word their labels are.
    pub held_out_by: Evidence,
    /// Rows that came with the program, where the head decides on their labels.
    pub shipped: Vec<Row>,
}

/// Tickets by whose word their label is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// A person has given the label in the place of another.
    pub corrected: usize,
    /// The ticket was solved with the label it had, which may be the head's own that nobody looked at.
    pub solved: usize,
}

/// The settled tickets of a desk, the latest first.
#[derive(Debug, Default)]
struct Settled {
    rows: Vec<Row>,
    /// The words of those whose label a person has corrected.
    corrected: HashSet<String>,
}

impl Evidence {
    /// Of tickets, of which a person has corrected those with these words.
    fn of(rows: &[Row], corrected: &HashSet<String>) -> Self {
        let is_corrected = |row: &&Row| corrected.contains(&same_text(&row.text));
        let corrected = rows.iter().filter(is_corrected).count();
        Evidence {
            corrected,
            solved: rows.len() - corrected,
        }
    }
}

impl Lessons {
    /// Reads the settled tickets of the desk and parts them: what the encoder has learnt, or the head in force, who may have
    /// been trained on the very file that was imported, judges nothing.
    ///
    /// **Errors:** [`RetrainError`] by downcast, and what could not be read.
    pub async fn read(store: &Store, head: HeadRole, in_force: &Path, by_encoder: &Learnt) -> Result<Self> {
        let labels: BTreeSet<String> = triage::head_labels(in_force)?.into_iter().collect();
        let settled = settled(store, head).await?;
        let by_head = eval::learnt::Learnt::by(in_force)?;
        let has_learnt = |text: &str| by_encoder.has(text) || by_head.as_ref().is_some_and(|head| head.has(text));
        Ok(part(head, settled, shipped(head), &labels, has_learnt)?)
    }
}

/// What retraining would teach a head if the desk had only these tickets, the latest first: those of them that versions may
/// learn from, and the rows that came with the program, where it decides on their labels and the tickets have no others.
pub fn taught_by(head: HeadRole, tickets: Vec<Row>, labels: &BTreeSet<String>) -> (Vec<Row>, Vec<Row>) {
    let is_foreign = refuse_foreign(head, &tickets, labels).is_err();
    let (own, _) = sample::by_words(tickets, HELD_OUT_SHARE);
    let shipped = if is_foreign {
        Vec::new()
    } else {
        of_labels(shipped(head), labels)
    };
    (own, shipped)
}

fn shipped(head: HeadRole) -> Vec<Row> {
    labelled_texts(head).map(|(text, label)| row(text, label)).collect()
}

/// The rows that came with the program, none where the head does not decide on their labels.
fn of_labels(shipped: Vec<Row>, labels: &BTreeSet<String>) -> Vec<Row> {
    let is_ours = shipped.iter().all(|row| labels.contains(&row.label));
    if is_ours { shipped } else { Vec::new() }
}

fn part(
    head: HeadRole,
    Settled { rows, corrected }: Settled,
    shipped: Vec<Row>,
    labels: &BTreeSet<String>,
    has_learnt: impl Fn(&str) -> bool,
) -> Result<Lessons, RetrainError> {
    refuse_foreign(head, &rows, labels)?;
    let (own, mut held_out) = sample::by_words(rows, HELD_OUT_SHARE);
    let mut words: HashSet<String> = shipped.iter().map(|row| known_as(&row.text)).collect();
    let before = held_out.len();
    held_out.retain(|row| !words.contains(&same_text(&row.text)) && !has_learnt(&row.text));
    let known = before - held_out.len();
    held_out.retain(|row| words.insert(same_text(&row.text)));
    if held_out.len() < HELD_OUT_MIN {
        return Err(RetrainError::TooFew {
            head,
            learnt: own.len(),
            held_out: held_out.len(),
            known,
        });
    }
    let shipped = of_labels(shipped, labels);
    // As they are learnt: of rows with the same words the first one counts, and a label may have had no other.
    let mut words = HashSet::new();
    let learnt = own
        .iter()
        .chain(&shipped)
        .filter(|row| words.insert(known_as(&row.text)));
    refuse_missing(head, learnt, labels)?;
    Ok(Lessons {
        own_by: Evidence::of(&own, &corrected),
        held_out_by: Evidence::of(&held_out, &corrected),
        own,
        held_out,
        shipped,
    })
}

fn refuse_foreign(head: HeadRole, settled: &[Row], labels: &BTreeSet<String>) -> Result<(), RetrainError> {
    let found: BTreeSet<&str> = settled.iter().map(|row| row.label.as_str()).collect();
    let foreign: Vec<&str> = found.into_iter().filter(|label| !labels.contains(*label)).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let labels = foreign.join(", ");
    Err(RetrainError::ForeignLabels { head, labels })
}

fn refuse_missing<'a>(
    head: HeadRole,
    rows: impl Iterator<Item = &'a Row>,
    labels: &BTreeSet<String>,
) -> Result<(), RetrainError> {
    let taught: HashSet<&str> = rows.map(|row| row.label.as_str()).collect();
    let labels = labels.iter().map(String::as_str);
    let missing: Vec<&str> = labels.filter(|label| !taught.contains(label)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let labels = missing.join(", ");
    Err(RetrainError::MissingLabels { head, labels })
}

/// The tickets whose label a person has corrected, or left when they solved the ticket, the latest first: of two with
/// the same words the later one counts.
async fn settled(store: &Store, head: HeadRole) -> Result<Settled, StoreError> {
    let corrected = corrected(store, head).await?;
    let mut settled = Settled::default();
    for_each_settled(store, &corrected, |ticket| {
        let Some((text, label)) = labelled(ticket, head) else {
            return;
        };
        let words = same_text(&text);
        if corrected.contains(&ticket.id) {
            settled.corrected.insert(words);
        } else {
            settled.corrected.remove(&words);
        }
        settled.rows.push(row(text, label));
    })
    .await?;
    settled.rows.reverse();
    Ok(settled)
}

/// Acts on every ticket whose label a person has corrected, or left when they solved the ticket, the oldest first; with
/// the text that it is judged by, and the label.
///
/// **Errors:** the database's.
pub async fn for_each_labelled(
    store: &Store,
    head: HeadRole,
    mut act: impl FnMut(&Ticket, String, String),
) -> Result<(), StoreError> {
    for_each_settled(store, &corrected(store, head).await?, |ticket| {
        if let Some((text, label)) = labelled(ticket, head) {
            act(ticket, text, label);
        }
    })
    .await
}

/// The tickets that any head may learn from or be judged by.
///
/// **Errors:** the database's.
pub async fn settled_ids(store: &Store) -> Result<Vec<Uuid>> {
    let mut of_any = HashSet::new();
    for &head in HeadRole::ALL {
        of_any.extend(corrected(store, head).await?);
    }
    let mut ids = Vec::new();
    for_each_settled(store, &of_any, |ticket| ids.push(ticket.id)).await?;
    Ok(ids)
}

async fn for_each_settled(
    store: &Store,
    corrected: &HashSet<Uuid>,
    mut act: impl FnMut(&Ticket),
) -> Result<(), StoreError> {
    let is_settled = |ticket: &&Ticket| corrected.contains(&ticket.id) || ticket.is_settled();
    let mut after = 0;
    loop {
        let tickets = store.tickets_after(after, PAGE).await?;
        let Some(last) = tickets.last() else { return Ok(()) };
        after = last.number;
        tickets.iter().filter(is_settled).for_each(&mut act);
    }
}

async fn corrected(store: &Store, head: HeadRole) -> Result<HashSet<Uuid>, StoreError> {
    let field = match head {
        HeadRole::Category => CorrectedField::Category,
        HeadRole::Priority => CorrectedField::Priority,
    };
    let mut corrected = HashSet::new();
    let read = |page| async move { store.list_corrections(None, &page).await };
    Page::each(read, |correction| {
        if correction.field == field {
            corrected.insert(correction.ticket_id);
        }
    })
    .await?;
    Ok(corrected)
}

/// The text that a ticket is judged by, and its label; none where it has none.
fn labelled(ticket: &Ticket, head: HeadRole) -> Option<(String, String)> {
    let label = match head {
        HeadRole::Category => ticket.category.clone(),
        HeadRole::Priority => ticket.priority.map(|priority| priority.to_string()),
    };
    label.map(|label| (desk::text::without_quoted_history(&ticket.text()), label))
}

fn row(text: String, label: String) -> Row {
    Row {
        line: 0,
        text,
        label,
        slice: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize, label: impl Fn(usize) -> &'static str) -> Vec<Row> {
        let text = |at: usize| format!("the {} is late", "so ".repeat(at));
        (0..count).map(|at| row(text(at), label(at).to_owned())).collect()
    }

    fn labels() -> BTreeSet<String> {
        ["a", "b"].map(str::to_owned).into()
    }

    fn parted(rows: Vec<Row>, shipped: Vec<Row>) -> Result<Lessons, RetrainError> {
        parted_by(rows, shipped, |_| false)
    }

    fn parted_by(
        rows: Vec<Row>,
        shipped: Vec<Row>,
        has_learnt: impl Fn(&str) -> bool,
    ) -> Result<Lessons, RetrainError> {
        let settled = Settled {
            rows,
            corrected: HashSet::new(),
        };
        part(HeadRole::Category, settled, shipped, &labels(), has_learnt)
    }

    fn two(at: usize) -> &'static str {
        if at.is_multiple_of(2) { "a" } else { "b" }
    }

    #[test]
    fn what_the_shipped_head_has_learnt_judges_nothing() {
        let lessons = parted(rows(300, two), Vec::new()).expect("enough");
        let shouted = |row: &Row| row_like(row, row.text.to_uppercase());
        let shipped: Vec<Row> = lessons.held_out.iter().skip(25).map(shouted).collect();
        let again = parted(rows(300, two), shipped.clone()).expect("enough");
        assert_eq!(again.held_out.len(), 25, "copies that differ by case are found");
        assert_eq!(
            (again.own.len(), again.shipped.len()),
            (lessons.own.len(), shipped.len())
        );
        let all: Vec<Row> = rows(300, two);
        let refused = parted(all.clone(), all).expect_err("nothing to judge by");
        assert!(
            matches!(
                refused,
                RetrainError::TooFew {
                    held_out: 0,
                    known: 40..,
                    ..
                }
            ),
            "{refused}"
        );
        assert!(refused.to_string().contains("judge nothing"), "{refused}");
    }

    #[test]
    fn what_the_head_in_force_or_the_encoder_has_learnt_judges_nothing_and_is_learnt_from() {
        let before = parted(rows(300, two), Vec::new()).expect("enough");
        let file: HashSet<String> = before.held_out.iter().skip(25).map(|row| row.text.clone()).collect();
        let again = parted_by(rows(300, two), Vec::new(), |text| file.contains(text)).expect("enough");
        assert_eq!((again.own.len(), again.held_out.len()), (before.own.len(), 25));
        let refused = parted_by(rows(300, two), Vec::new(), |_| true).expect_err("nothing to judge by");
        let said = refused.to_string();
        let known = format!("({} more have texts that", before.held_out.len());
        assert!(said.contains("0 to judge it by") && said.contains(&known), "{said}");
    }

    #[test]
    fn what_any_version_of_the_desk_learns_is_what_it_may_have_learnt() {
        let lessons = parted(rows(300, two), Vec::new()).expect("enough");
        let learnt = may_have_learnt(HeadRole::Category, true);
        assert!(lessons.own.iter().all(|row| learnt(&row.text)));
        assert!(lessons.held_out.iter().all(|row| !learnt(&row.text)));
        let learnt = may_have_learnt(HeadRole::Category, false);
        assert!(!lessons.own.iter().any(|row| learnt(&row.text)));
        let (shipped, _) = labelled_texts(HeadRole::Category).next().expect("shipped rows");
        assert!(learnt(&shipped.to_uppercase()), "it came with the program");
    }

    #[test]
    fn copies_count_once_and_never_stand_on_both_sides() {
        let shouted = |row: &Row| row_like(row, row.text.to_uppercase());
        let once = rows(300, two);
        let twice = once.iter().cloned().chain(once.iter().map(shouted)).collect();
        let lessons = parted(twice, Vec::new()).expect("enough");
        assert_eq!(
            lessons.held_out.len(),
            parted(once, Vec::new()).expect("enough").held_out.len()
        );
        let judged: HashSet<String> = lessons.held_out.iter().map(|row| same_text(&row.text)).collect();
        assert!(lessons.own.iter().all(|row| !judged.contains(&same_text(&row.text))));
    }

    #[test]
    fn what_people_corrected_is_told_from_what_they_merely_solved() {
        let rows = rows(300, two);
        let settled = Settled {
            corrected: rows.iter().step_by(3).map(|row| same_text(&row.text)).collect(),
            rows,
        };
        let lessons = part(HeadRole::Category, settled, Vec::new(), &labels(), |_| false).expect("enough");
        let (own, held_out) = (lessons.own_by, lessons.held_out_by);
        assert_eq!(own.corrected + held_out.corrected, 100);
        assert_eq!(own.solved + held_out.solved, 200);
        assert_eq!(held_out.corrected + held_out.solved, lessons.held_out.len());
    }

    #[test]
    fn a_past_teaches_what_retraining_would_have_taught_then() {
        let head = HeadRole::Category;
        let of_program: BTreeSet<String> = shipped(head).into_iter().map(|row| row.label).collect();
        let tickets = || rows(300, |_| "billing_payment");
        let (own, with) = taught_by(head, tickets(), &of_program);
        assert!((200..280).contains(&own.len()), "four fifths: {}", own.len());
        assert_eq!(with.len(), shipped(head).len());
        let (_, with) = taught_by(head, tickets(), &labels());
        assert!(with.is_empty(), "the head decides on other labels");
        let (own, with) = taught_by(head, rows(300, |_| "c"), &of_program);
        assert!(
            !own.is_empty() && with.is_empty(),
            "the tickets have labels of their own"
        );
    }

    #[test]
    fn labels_that_do_not_fit_are_told_before_anything_is_fitted() {
        let foreign = parted(rows(300, |_| "c"), Vec::new()).expect_err("a label too many");
        assert!(matches!(&foreign, RetrainError::ForeignLabels { labels, .. } if labels == "c"));
        let missing = parted(rows(300, |_| "a"), Vec::new()).expect_err("a label too few");
        assert!(matches!(&missing, RetrainError::MissingLabels { labels, .. } if labels == "b"));
        let shipped = vec![row("where is it".to_owned(), "b".to_owned())];
        assert!(parted(rows(300, |_| "a"), shipped).is_ok(), "shipped rows teach it");
    }

    #[test]
    fn a_label_whose_only_text_a_later_ticket_takes_is_missing() {
        let late = |at: usize| format!("order 1234 {}late", "so ".repeat(at));
        let is_learnt = |text: &String| !sample::is_test(text, HELD_OUT_SHARE);
        let late = (0..).map(late).find(is_learnt).expect("four of five");
        // The latest first; digits are not told apart.
        let mut tickets = vec![row(late.replace("1234", "9999"), "a".to_owned())];
        tickets.extend(rows(300, |_| "a"));
        tickets.push(row(late, "b".to_owned()));
        let missing = parted(tickets.clone(), Vec::new()).expect_err("a label too few");
        assert!(matches!(&missing, RetrainError::MissingLabels { labels, .. } if labels == "b"));
        assert!(parted(tickets.split_off(1), Vec::new()).is_ok(), "its own text is left");
    }

    fn row_like(row: &Row, text: String) -> Row {
        Row { text, ..row.clone() }
    }
}
