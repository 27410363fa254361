//! What goes in and what comes out.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::fusion::FEATURES;
use crate::{Error, Field, Filter};

/// The caller's own data of a point, given back with every hit.
pub type Payload = serde_json::Map<String, serde_json::Value>;

/// The most hits one query gives.
pub(crate) const LIMIT_MAX: usize = 1_000;

/// What a collection is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionSpec {
    /// Its name: 1 to 64 of `a-z`, `0-9` and `_`, a letter first.
    pub name: String,
    /// Length of its dense vectors.
    pub dimensions: usize,
    /// Payload fields that filters may name; each gets an index.
    pub fields: Vec<Field>,
    /// Whether points may have vectors of their titles; what is never there is not looked for.
    #[serde(default)]
    pub titles: bool,
}

impl CollectionSpec {
    /// A collection without fields to filter by.
    pub fn new(name: impl Into<String>, dimensions: usize) -> Self {
        Self {
            name: name.into(),
            dimensions,
            fields: Vec::new(),
            titles: false,
        }
    }

    /// The same collection with vectors of titles.
    #[must_use]
    pub fn with_titles(mut self) -> Self {
        self.titles = true;
        self
    }

    /// The same collection with one more field to filter by.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if !is_collection_name(&self.name) {
            return Err(Error::CollectionName {
                collection: self.name.clone(),
            });
        }
        if self.dimensions == 0 {
            return Err(Error::NoDimensions {
                collection: self.name.clone(),
            });
        }
        Ok(())
    }

    pub(crate) fn check_titles(&self) -> Result<(), Error> {
        if self.titles {
            return Ok(());
        }
        Err(Error::NoTitles {
            collection: self.name.clone(),
        })
    }

    pub(crate) fn check_vector(&self, vector: &[f32], id: Option<Uuid>) -> Result<(), Error> {
        if vector.len() != self.dimensions {
            return Err(Error::WrongDimensions {
                collection: self.name.clone(),
                expected: self.dimensions,
                found: vector.len(),
            });
        }
        if vector.iter().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite { id });
        }
        Ok(())
    }
}

fn is_collection_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// One thing that can be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its identity: the same id again replaces the point.
    pub id: Uuid,
    /// **Shape** `[dimensions]`; its length does not matter, cosine is measured.
    pub vector: Vec<f32>,
    /// **Shape** `[dimensions]`, of the title alone; none where there is no title.
    pub title_vector: Option<Vec<f32>>,
    /// The words it is found by. Not stored: put it into the payload to get it back.
    pub text: String,
    /// Language code of the text, its region aside, which decides how its words are stemmed.
    pub language: Option<String>,
    /// The caller's own data.
    pub payload: Payload,
}

/// A point as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The point.
    pub id: Uuid,
    /// Its vector, of length 1. **Shape** `[dimensions]`.
    pub vector: Vec<f32>,
    /// The caller's own data.
    pub payload: Payload,
}

/// What is looked for: a vector, a text or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// **Shape** `[dimensions]`; none leaves likeness of meaning out.
    pub vector: Option<Vec<f32>>,
    /// What titles are compared with where the query has a title of its own; `vector` when none.
    pub title_vector: Option<Vec<f32>>,
    /// None leaves likeness of words out.
    pub text: Option<String>,
    /// ISO 639-1 code of the text; unknown or none searches by every analysis there is.
    pub language: Option<String>,
    /// Only points that pass are found.
    pub filter: Filter,
    /// The most hits wanted, at most 1,000.
    pub limit: usize,
    /// Hits that each kind of likeness contributes before they are fused, in the place of
    /// [`crate::SearchConfig::candidates`]: a quick look does with fewer, though never fewer than twice the limit.
    pub candidates: Option<usize>,
    /// How many of them, from the best on, carry their payload, which costs more than being found; all when none.
    pub payloads: Option<usize>,
    /// Points that are never found, such as the one the query was made from.
    pub exclude: Vec<Uuid>,
}

impl Query {
    pub(crate) fn check(&self, spec: &CollectionSpec) -> Result<(), Error> {
        if self.vector.is_none() && self.text.is_none() {
            return Err(Error::EmptyQuery);
        }
        if self.limit > LIMIT_MAX {
            return Err(Error::LimitTooLarge {
                limit: self.limit,
                max: LIMIT_MAX,
            });
        }
        for vector in [&self.vector, &self.title_vector].into_iter().flatten() {
            spec.check_vector(vector, None)?;
        }
        self.filter.check(spec)
    }
}

/// One point that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The point.
    pub id: Uuid,
    /// Cosine to the query's vector, -1 to 1; none when the query had none.
    pub dense: Option<f32>,
    /// Cosine of its title to the query's title or vector; none when it has no title, or when meaning or words were not
    /// asked for.
    pub title: Option<f32>,
    /// BM25 of the forms of the query's words, 0 when none occurs; none when the query had no text.
    pub sparse: Option<f32>,
    /// Share of the query's exact parts (identifiers that few hold, quoted phrases) that it holds, 0 to 1.
    pub exact: f32,
    /// What the fusion weighs: the standardised scores by meaning, title and words, then each times how far its best
    /// stands out. Zeros where meaning or words were asked for alone. **Shape** `[FEATURES]`.
    pub features: [f32; FEATURES],
    /// What the hits are ordered by; comparable within one answer only.
    pub score: f32,
    /// The caller's own data.
    pub payload: Payload,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["tickets", "a", "articles_2"] {
            assert!(is_collection_name(good), "{good}");
        }
        for bad in ["", "Tickets", "../x", "2a", "_a", "a-b", "é", &"a".repeat(65)] {
            assert!(!is_collection_name(bad), "{bad}");
        }
    }

    #[test]
    fn vectors_are_checked() {
        let spec = CollectionSpec::new("tickets", 2);
        assert!(spec.check_vector(&[1.0, 0.0], None).is_ok());
        assert!(matches!(
            spec.check_vector(&[1.0], None),
            Err(Error::WrongDimensions {
                expected: 2,
                found: 1,
                ..
            })
        ));
        assert!(matches!(
            spec.check_vector(&[1.0, f32::NAN], None),
            Err(Error::NotFinite { .. })
        ));
    }
}
