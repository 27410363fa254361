//! A made-up corpus: English and Spanish sentences, and vectors in which shared words mean nearness.

use search::{Error, Payload, Point, Query, Search};
use serde_json::json;
use uuid::Uuid;

/// Length of the made-up vectors.
pub const DIMENSIONS: usize = 48;

/// What the sentences are about; a different name makes a different sentence.
pub const NAMES: [&str; 12] = [
    "invoice", "printer", "password", "delivery", "refund", "router", "licence", "export", "backup", "webhook",
    "login", "calendar",
];

const ENGLISH: [&str; 5] = [
    "was charged twice on order",
    "fails with code",
    "cannot be found since ticket",
    "needs a new owner for case",
    "was asked about in message",
];

const SPANISH: [&str; 5] = [
    "cobrada dos veces en el pedido",
    "falla con el código",
    "no aparece desde la incidencia",
    "necesita otro responsable del caso",
    "mencionada en el mensaje",
];

/// `count` points with the ids 0, 1, 2, …; every third one Spanish, every text with a number of its own.
pub fn points(count: u128) -> Vec<Point> {
    (0..count).map(numbered).collect()
}

fn numbered(i: u128) -> Point {
    let pick = |list: &[&'static str], step: u128| list[(i / step) as usize % list.len()];
    let name = pick(&NAMES, 1);
    if i % 3 == 2 {
        point(i, &format!("La {name} {} N{i}", pick(&SPANISH, 12)), "es")
    } else {
        point(i, &format!("The {name} {} N{i}", pick(&ENGLISH, 12)), "en")
    }
}

/// A point with this id and text, and a payload that varies with the id.
pub fn point(id: u128, text: &str, language: &str) -> Point {
    Point {
        id: Uuid::from_u128(id),
        vector: vector(text),
        title_vector: None,
        text: text.to_owned(),
        language: Some(language.to_owned()),
        payload: payload(id, language),
    }
}

fn payload(id: u128, language: &str) -> Payload {
    let state = ["new", "open", "waiting", "closed for good"][(id / 5 % 4) as usize];
    let tags = [vec!["vip", "late"], vec!["late"], vec![]][(id / 7 % 3) as usize].clone();
    let payload = json!({
        "state": state,
        "tags": tags,
        "language": language,
        "number": id as i64,
    });
    payload.as_object().cloned().unwrap_or_default()
}

/// Builds a collection anew from batches of points.
pub async fn rebuild(
    search: &Search,
    collection: &str,
    batches: impl IntoIterator<Item = Vec<Point>>,
) -> Result<(), Error> {
    let fill = async |rebuild: &search::Rebuild| {
        for batch in batches {
            rebuild.add(&batch).await?;
        }
        Ok(())
    };
    search.rebuild_with(collection, fill).await
}

/// A query by the text and by its made-up vector, ten hits.
pub fn query(text: &str, language: &str) -> Query {
    Query {
        vector: Some(vector(text)),
        text: Some(text.to_owned()),
        language: Some(language.to_owned()),
        limit: 10,
        ..Query::default()
    }
}

/// The sum of one fixed direction for each word: texts that share words are near each other.
pub fn vector(text: &str) -> Vec<f32> {
    let mut sum = vec![0.01; DIMENSIONS];
    for word in text.to_lowercase().split_whitespace().take(50) {
        let mut state = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        for slot in &mut sum {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *slot += ((state >> 40) as f32 / (1u64 << 24) as f32) - 0.5;
        }
    }
    sum
}
