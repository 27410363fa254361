//! The tickets in the search index: what is put there and how it is found again.

use std::collections::HashMap;

use desk::{Neighbour, Ticket};
use search::{CollectionSpec, Field, FieldKind, Hit, Point, Query, Search};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The collection of tickets.
pub(crate) const TICKETS: &str = "tickets";

/// Characters of a subject kept to show a neighbour by.
const SUBJECT_CHARS: usize = 120;

/// Key of the payload that names the vector: [`encoder::Encoder::fingerprint`]. **Persisted.**
const FINGERPRINT: &str = "vector";

/// Points read at once: a moment's work, so that tickets that come in meanwhile do not wait.
const READ_AT_ONCE: usize = 256;

/// A vector and what it is a vector of.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// Names the vector: [`encoder::Encoder::fingerprint`].
    pub fingerprint: String,
    /// The unit vector. **Shape:** `[hidden]`.
    pub vector: Vec<f32>,
}

pub(crate) fn collection(dimensions: usize) -> CollectionSpec {
    CollectionSpec::new(TICKETS, dimensions)
        .with_field(Field::new("category", FieldKind::Keyword))
        .with_field(Field::new("language", FieldKind::Keyword))
        .with_field(Field::new("account_id", FieldKind::Keyword))
        .with_field(Field::new("created_at", FieldKind::Integer))
}

/// A ticket as the index keeps it: found by its vector and its words, shown by its payload.
pub(crate) fn point(ticket: &Ticket, embedded: Embedded, language: Option<String>, category: Option<&str>) -> Point {
    let mut payload = Map::new();
    payload.insert(FINGERPRINT.to_owned(), json!(embedded.fingerprint));
    payload.insert("number".to_owned(), json!(ticket.number));
    payload.insert("subject".to_owned(), json!(shown_subject(ticket)));
    payload.insert("category".to_owned(), json!(category));
    payload.insert("language".to_owned(), json!(language));
    payload.insert("account_id".to_owned(), json!(ticket.account_id));
    payload.insert("created_at".to_owned(), json!(ticket.created_at.unix_timestamp()));
    Point {
        id: ticket.id,
        vector: embedded.vector,
        title_vector: None,
        text: ticket.text(),
        language,
        payload,
    }
}

/// The query for the tickets most like a text and its vector, `limit` of them. **Shape:** `vector` is `[hidden]`.
pub fn similar_query(text: String, language: Option<String>, vector: Vec<f32>, limit: usize) -> Query {
    Query {
        vector: Some(vector),
        text: Some(text),
        language,
        limit,
        // More of them find no other duplicates and take longer.
        candidates: Some(2 * limit),
        ..Query::default()
    }
}

/// The vectors that the index has of these tickets, where it is known what they are vectors of.
///
/// **Errors:** the index is out of reach.
pub async fn stored_vectors(search: &Search, tickets: &[Uuid]) -> Result<Vec<Embedded>, search::Error> {
    Ok(stored(search, tickets).await?.into_values().collect())
}

/// As [`stored_vectors`], by ticket.
pub(crate) async fn stored(search: &Search, tickets: &[Uuid]) -> Result<HashMap<Uuid, Embedded>, search::Error> {
    let mut vectors = HashMap::with_capacity(tickets.len());
    for ids in tickets.chunks(READ_AT_ONCE) {
        let stored = search.stored(TICKETS, ids).await?;
        vectors.extend(stored.into_iter().filter_map(|point| {
            let fingerprint = point.payload.get(FINGERPRINT)?.as_str()?.to_owned();
            let vector = point.vector;
            Some((point.id, Embedded { fingerprint, vector }))
        }));
    }
    Ok(vectors)
}

/// Makes sure that a search opened without a desk knows the tickets.
///
/// **Errors:** the index is out of reach, or holds vectors of another length.
pub async fn ensure_tickets(search: &Search, dimensions: usize) -> Result<(), search::Error> {
    search.ensure(&collection(dimensions)).await.map(drop)
}

/// A hit as a decision keeps it.
pub(crate) fn neighbour(hit: Hit) -> Neighbour {
    let text = |key: &str| hit.payload.get(key).and_then(Value::as_str).map(str::to_owned);
    Neighbour {
        ticket_id: hit.id,
        number: hit.payload.get("number").and_then(Value::as_i64),
        subject: text("subject").unwrap_or_default(),
        category: text("category"),
        score: hit.score,
        cosine: hit.dense,
    }
}

/// The subject, or the first line of the body, cut to a length that fits a list.
pub(crate) fn shown_subject(ticket: &Ticket) -> String {
    let line = [ticket.subject.as_str(), ticket.body.as_str()]
        .into_iter()
        .flat_map(str::lines)
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    line.chars().take(SUBJECT_CHARS).collect()
}
