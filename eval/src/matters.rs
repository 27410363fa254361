//! Tickets of which it is known what matter each is about, and what each shares with those the desk would compare it
//! with: candidates by the desk's own search, features by its own model.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use classifier::unit_hash;
use desk::duplicate::{Shared, Telling, Wording, shared};
use encoder::{Encoder, Side};
use search::{CollectionSpec, Hit, Point, Query, Search};
use serde::Deserialize;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::Progress;
use crate::duplicates::{Pairs, Ticket};
use crate::rows::json_lines;

const COLLECTION: &str = "eval_matters";
const BATCH: usize = 64;
/// Over which the tickets of the background are spread; as the matters of the project's own set are.
const BACKGROUND_HOURS: f64 = 14.0 * 24.0;
/// Share of the background that the very person wrote to whose client it is lent.
const SAME_PERSON: f64 = 0.5;
/// Between tickets of a set that tells no time: further than counts.
const FAR: Duration = Duration::days(30);

/// One ticket of the set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// The matter it is about; none for one that is about a matter of its own.
    #[serde(default)]
    pub matter: Option<String>,
    /// Matters that resemble each other: such stay on one side of a fold.
    #[serde(default)]
    pub family: Option<String>,
    /// Its subject line.
    #[serde(default)]
    pub subject: String,
    /// What was written.
    #[serde(default)]
    pub body: String,
    /// Its language.
    #[serde(default)]
    pub language: Option<String>,
    /// Who wrote it.
    #[serde(default)]
    pub requester: Option<String>,
    /// The client that person belongs to.
    #[serde(default)]
    pub account: Option<String>,
    /// When. **Units:** hours from the beginning of the set.
    #[serde(default)]
    pub hours: Option<f64>,
}

/// Two tickets that the desk would compare.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Position of the one that came in.
    pub ticket: usize,
    /// Position of its candidate.
    pub other: usize,
    /// What they share.
    pub shared: Shared,
}

/// A set and all that the desk would compare in it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The tickets.
    pub rows: Vec<Row>,
    /// Each with its candidates.
    pub pairs: Vec<Compared>,
}

/// How the desk looks for candidates.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Candidates compared.
    pub candidates: usize,
    /// Texts holding an identifier above which it says nothing.
    pub identifier_texts: usize,
}

/// Reads tickets with their matters, and others that stand behind them as the rest of a desk. These are spread over
/// the same time and lent to the same customers, by a hash of their ids, so that sharing a customer or a day alone
/// makes no matter.
///
/// **Errors**: a file that is missing or broken, an id used twice, no matter told twice.
pub fn read(matters: &Path, background: Option<&Path>) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = json_lines(matters)?;
    check(&rows).with_context(|| matters.display().to_string())?;
    if let Some(path) = background {
        let others: Vec<Row> = json_lines(path)?;
        let lent: Vec<Row> = others.into_iter().map(|row| lent(row, &rows)).collect();
        rows.extend(lent);
        check(&rows).with_context(|| path.display().to_string())?;
    }
    Ok(rows)
}

fn check(rows: &[Row]) -> Result<()> {
    let mut ids = HashSet::new();
    let mut matters = HashSet::new();
    for row in rows {
        ensure!(ids.insert(row.id.as_str()), "ticket {:?} occurs twice", row.id);
    }
    let told_again = rows.iter().filter_map(|row| row.matter.as_deref());
    ensure!(
        told_again.filter(|matter| !matters.insert(*matter)).count() > 0,
        "no matter is told twice"
    );
    Ok(())
}

fn lent(mut row: Row, customers: &[Row]) -> Row {
    let by = |what: &str| unit_hash(&format!("{} {what}", row.id));
    let customer = &customers[(by("customer") * customers.len() as f64) as usize % customers.len()];
    let is_same_person = by("person") < SAME_PERSON;
    let hours = by("hours") * BACKGROUND_HOURS;
    row.account.clone_from(&customer.account);
    row.requester = customer.requester.clone().filter(|_| is_same_person);
    row.hours = Some(hours);
    row
}

impl Pairs {
    /// With linked tickets as tellings of one matter, directly or over others, and so with those that say the same word
    /// for word, which trackers' links leave out more often than not.
    pub fn into_matters(self) -> Vec<Row> {
        let positions: HashMap<&str, usize> = self.tickets.iter().map(|t| t.id.as_str()).zip(0..).collect();
        let linked = self
            .duplicates
            .iter()
            .map(|(one, other)| [one, other].map(|id| positions[id.as_str()]));
        let mut matters: Vec<usize> = (0..self.tickets.len()).collect();
        for [one, other] in linked.chain(copies(&self.tickets)) {
            let [one, other] = [one, other].map(|at| matters[at]);
            let merged = |matter: &mut usize| *matter = if *matter == other { one } else { *matter };
            matters.iter_mut().for_each(merged);
        }
        let written = self.tickets.iter().filter_map(|ticket| ticket.created_at);
        let first = written
            .min()
            .map_or(OffsetDateTime::UNIX_EPOCH, PrimitiveDateTime::assume_utc);
        let row = |(ticket, matter): (Ticket, usize)| Row {
            id: ticket.id,
            matter: Some(matter.to_string()),
            family: None,
            subject: ticket.subject,
            body: ticket.body,
            language: ticket.language,
            requester: None,
            account: None,
            hours: ticket
                .created_at
                .map(|at| (at.assume_utc() - first).as_seconds_f64() / 3600.0),
        };
        self.tickets.into_iter().zip(matters).map(row).collect()
    }
}

/// Of each ticket that says the same as one before it, the two.
fn copies(tickets: &[Ticket]) -> impl Iterator<Item = [usize; 2]> {
    let mut first: HashMap<Vec<String>, usize> = HashMap::new();
    let copy = move |(at, ticket): (usize, &Ticket)| {
        let words = words(&ticket.subject, &ticket.body);
        let before = *first.entry(words).or_insert(at);
        (before != at).then_some([before, at])
    };
    tickets.iter().enumerate().filter_map(copy)
}

fn words(subject: &str, body: &str) -> Vec<String> {
    let text = desk::text::joined(subject, body);
    text.split_whitespace().map(str::to_owned).collect()
}

impl Row {
    /// Whether both are about one matter.
    pub fn is_same_matter(&self, other: &Row) -> bool {
        self.matter.is_some() && self.matter == other.matter
    }

    /// What stays on one side of a fold.
    pub fn group(&self) -> &str {
        self.family.as_deref().or(self.matter.as_deref()).unwrap_or(&self.id)
    }

    fn telling<'a>(&'a self, wording: &'a Wording, position: usize, keys: &Keys<'a>) -> Telling<'a> {
        let since = match self.hours {
            Some(hours) => Duration::seconds_f64(hours * 3600.0),
            None => FAR * position as i32,
        };
        Telling {
            wording,
            contact_id: keys.id(self.requester.as_deref()),
            email: None,
            account_id: keys.id(self.account.as_deref()),
            at: OffsetDateTime::UNIX_EPOCH + since,
        }
    }
}

/// Ids in place of the set's own names.
struct Keys<'a>(BTreeMap<&'a str, Uuid>);

impl<'a> Keys<'a> {
    fn of(rows: &'a [Row]) -> Self {
        let names = rows
            .iter()
            .flat_map(|row| [row.requester.as_deref(), row.account.as_deref()]);
        let names: HashSet<&str> = names.flatten().collect();
        Keys(names.into_iter().zip((0..).map(Uuid::from_u128)).collect())
    }

    fn id(&self, name: Option<&str>) -> Option<Uuid> {
        self.0.get(name?).copied()
    }
}

impl Observed {
    /// Puts all tickets into an empty search and compares each with its candidates.
    ///
    /// **Errors**: the encoder's and the search's.
    pub async fn of(
        rows: Vec<Row>,
        look: Look,
        search: &Search,
        encoder: &Encoder,
        progress: &mut Progress<'_>,
    ) -> Result<Self> {
        let points = points(&rows, encoder, progress).await?;
        let dimensions = points.first().context("no tickets")?.vector.len();
        search.ensure(&CollectionSpec::new(COLLECTION, dimensions)).await?;
        search.upsert(COLLECTION, &points).await?;
        let keys = Keys::of(&rows);
        let wordings: Vec<Wording> = rows.iter().map(|row| Wording::of(&row.subject, &row.body)).collect();
        let told = rows.iter().zip(&wordings).enumerate();
        let tellings: Vec<Telling<'_>> = told
            .map(|(at, (row, wording))| row.telling(wording, at, &keys))
            .collect();
        let mut pairs = Vec::new();
        for (ticket, point) in points.iter().enumerate() {
            let hits = search.nearest(COLLECTION, &ask(point, look)).await?;
            pairs.extend(compare(ticket, &tellings, &hits, look));
        }
        Ok(Observed { rows, pairs })
    }

    /// Whether two compared tickets are about one matter.
    pub fn is_same(&self, pair: &Compared) -> bool {
        self.rows[pair.ticket].is_same_matter(&self.rows[pair.other])
    }

    /// Without what was compared for tickets that are not known to be told twice: where only some links were written
    /// down, nobody says of the others that they have none.
    pub fn of_linked(mut self) -> Self {
        let linked: HashSet<usize> = self.known().into_iter().map(|(one, _)| one).collect();
        self.pairs.retain(|pair| linked.contains(&pair.ticket));
        self
    }

    /// The number of each row's group, from 0. **Shape:** `[rows]`.
    pub fn groups(&self) -> Vec<usize> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut number = |row| {
            let next = numbers.len();
            *numbers.entry(Row::group(row)).or_insert(next)
        };
        self.rows.iter().map(&mut number).collect()
    }

    /// All pairs of one matter, compared or not, each in both directions.
    pub fn known(&self) -> Vec<(usize, usize)> {
        let mut matters: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, row) in self.rows.iter().enumerate() {
            if let Some(matter) = &row.matter {
                matters.entry(matter).or_default().push(at);
            }
        }
        let of_matter = |told: &Vec<usize>| {
            let others = |&one: &usize| told.iter().map(move |&other| (one, other));
            let all: Vec<(usize, usize)> = told.iter().flat_map(others).collect();
            all
        };
        let pairs = matters.values().flat_map(of_matter);
        pairs.filter(|(one, other)| one != other).collect()
    }
}

/// The tickets as points with the text, vector and language that triage gives them; without a payload, for nobody is
/// shown them.
async fn points(rows: &[Row], encoder: &Encoder, progress: &mut Progress<'_>) -> Result<Vec<Point>> {
    let mut points = Vec::with_capacity(rows.len());
    for some in rows.chunks(BATCH) {
        let whole = some.iter().map(|row| desk::text::joined(&row.subject, &row.body));
        let whole: Vec<String> = whole.collect();
        let said: Vec<String> = whole
            .iter()
            .map(|text| desk::text::without_quoted_history(text))
            .collect();
        let languages: Vec<Option<&str>> = said.iter().map(|text| language::detect(text)).collect();
        let vectors = encoder
            .embed(said.clone(), Side::Passage)
            .await
            .context("embedding the tickets")?;
        for ((text, vector), language) in whole.into_iter().zip(vectors).zip(languages) {
            points.push(Point {
                id: Uuid::from_u128(points.len() as u128),
                vector,
                title_vector: None,
                text,
                language: language.map(str::to_owned),
                payload: serde_json::Map::new(),
            });
        }
        progress(points.len(), rows.len());
    }
    Ok(points)
}

/// What triage would ask for a ticket.
fn ask(point: &Point, look: Look) -> Query {
    let text = desk::text::without_quoted_history(&point.text);
    let (language, vector) = (point.language.clone(), point.vector.clone());
    Query {
        exclude: vec![point.id],
        ..triage::similar_query(text, language, vector, look.candidates)
    }
}

fn compare(ticket: usize, tellings: &[Telling<'_>], hits: &[Hit], look: Look) -> Vec<Compared> {
    let candidate = |hit: &Hit| Some((hit.id.as_u128() as usize, f64::from(hit.dense?)));
    let candidates: Vec<(usize, f64)> = hits.iter().filter_map(candidate).collect();
    let told: Vec<(Telling<'_>, f64)> = candidates.iter().map(|&(at, cosine)| (tellings[at], cosine)).collect();
    let shared = shared(&tellings[ticket], &told, look.identifier_texts);
    let compared = candidates.into_iter().zip(shared);
    compared
        .map(|((other, _), shared)| Compared { ticket, other, shared })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let lines = [
            r#"{"id":"a","matter":"m","family":"f","body":"one","requester":"r","account":"k","hours":1}"#,
            r#"{"id":"b","matter":"m","family":"f","body":"two","requester":"s","account":"k","hours":2}"#,
            r#"{"id":"c","matter":"n","family":"f","body":"three","hours":2}"#,
        ];
        lines.map(|line| serde_json::from_str(line).expect("a row")).to_vec()
    }

    #[test]
    fn known_pairs_are_those_of_one_matter() {
        let observed = Observed {
            rows: rows(),
            pairs: Vec::new(),
        };
        assert_eq!(observed.known(), [(0, 1), (1, 0)]);
        assert_eq!(observed.groups(), [0, 0, 0]);
    }

    #[test]
    fn of_tickets_without_a_link_nothing_is_compared() {
        let pair = |ticket, other| Compared {
            ticket,
            other,
            shared: Shared::default(),
        };
        let observed = Observed {
            rows: rows(),
            pairs: vec![pair(0, 1), pair(2, 0), pair(1, 2)],
        };
        let linked = observed.of_linked();
        let compared: Vec<(usize, usize)> = linked.pairs.iter().map(|pair| (pair.ticket, pair.other)).collect();
        assert_eq!(compared, [(0, 1), (1, 2)]);
    }

    #[test]
    fn a_background_is_lent_to_the_customers_and_always_the_same() {
        let rows = rows();
        let ticket = |id: usize| Row {
            id: format!("t{id}"),
            matter: None,
            family: None,
            ..rows[2].clone()
        };
        let lend = || (0..100).map(|id| lent(ticket(id), &rows)).collect::<Vec<_>>();
        let lent = lend();
        assert_eq!(lent, lend());
        let of_client = lent.iter().filter(|row| row.account.as_deref() == Some("k")).count();
        let of_person = lent.iter().filter(|row| row.requester.is_some()).count();
        assert!(
            (45..90).contains(&of_client) && (15..60).contains(&of_person),
            "{of_client} {of_person}"
        );
        assert!(lent.iter().all(|row| !row.is_same_matter(&rows[0])));
    }

    #[test]
    fn what_is_no_set_of_matters_is_refused() {
        let mut twice = rows();
        twice[2].id = "a".to_owned();
        assert!(check(&twice).expect_err("refused").to_string().contains("occurs twice"));
        let alone = &rows()[1..];
        assert!(check(alone).expect_err("refused").to_string().contains("told twice"));
    }

    #[test]
    fn linked_tickets_and_copies_are_one_matter() {
        let ticket = |id: &str, body: &str| Ticket {
            id: id.to_owned(),
            subject: String::new(),
            body: body.to_owned(),
            language: None,
            created_at: None,
        };
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        let pairs = Pairs {
            tickets: vec![
                ticket("1", "one"),
                ticket("2", "two"),
                ticket("3", "three"),
                ticket("4", "four"),
                ticket("5", " one\n"),
            ],
            duplicates: vec![pair("1", "2"), pair("3", "2")],
        };
        let rows = pairs.into_matters();
        assert!([1, 2, 4].iter().all(|&at| rows[0].is_same_matter(&rows[at])));
        assert!(!rows[0].is_same_matter(&rows[3]));
    }
}
