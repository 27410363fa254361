//! From text to a BM25 sparse vector.
//!
//! Documents carry the term-frequency half of BM25, queries carry ones, and the index multiplies by the inverse
//! document frequency. Both backends get these very vectors, so both rank alike.
//!
//! **Source** Robertson and Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond* (2009), section 3.

use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};
use serde_json::json;

use crate::Error;

/// Length in words at which a text is neither favoured nor punished. **Persisted** in every stored vector: after a
/// change all collections must be rebuilt.
const AVERAGE_WORDS: f64 = 100.0;

/// Weights of words, the words as hashes. **Persisted**; indices ascend and are unique.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SparseWords {
    pub indices: Vec<u32>,
    pub values: Vec<f32>,
}

impl SparseWords {
    /// Whether no word is left, as after stop words alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// The analyses there are: stop words and stems for English and Spanish, plain words for everything else.
#[derive(Debug)]
pub(crate) struct Words {
    english: EdgeBm25,
    spanish: EdgeBm25,
    plain: EdgeBm25,
    unspaced: EdgeBm25,
}

impl Words {
    /// **Errors** only when the settings here are wrong.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            english: analysis("english", json!({ "language": "english" }))?,
            spanish: analysis("spanish", json!({ "language": "spanish" }))?,
            plain: analysis("other languages", plain_settings("word"))?,
            unspaced: analysis("scripts without spaces", plain_settings("multilingual"))?,
        })
    }

    /// The vector a text is stored with.
    pub(crate) fn document(&self, text: &str, language: Option<&str>) -> SparseWords {
        let analysis = self.of(language).unwrap_or(self.plain_for(text));
        from_edge(analysis.embed_document(text))
    }

    /// The vector a text is looked for with; without a known language by every analysis, so that it meets documents
    /// of each.
    pub(crate) fn query(&self, text: &str, language: Option<&str>) -> SparseWords {
        match self.of(language) {
            Some(analysis) => from_edge(analysis.embed_query(text)),
            None => self.query_in_every_language(text),
        }
    }

    fn of(&self, language: Option<&str>) -> Option<&EdgeBm25> {
        match language {
            Some("en") => Some(&self.english),
            Some("es") => Some(&self.spanish),
            _ => None,
        }
    }

    fn plain_for(&self, text: &str) -> &EdgeBm25 {
        if text.chars().any(is_unspaced) {
            &self.unspaced
        } else {
            &self.plain
        }
    }

    fn query_in_every_language(&self, text: &str) -> SparseWords {
        let mut indices: Vec<u32> = [&self.english, &self.spanish, self.plain_for(text)]
            .iter()
            .flat_map(|analysis| analysis.embed_query(text).indices)
            .collect();
        indices.sort_unstable();
        indices.dedup();
        let values = vec![1.0; indices.len()];
        SparseWords { indices, values }
    }
}

/// Whether the character belongs to a script that puts no spaces between words: Thai, Lao, Burmese, Khmer, Japanese
/// syllables and Han.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// A language without a stemmer and with its stop words replaced by none: words as they are.
fn plain_settings(tokenizer: &str) -> serde_json::Value {
    json!({ "language": "chinese", "stopwords": { "languages": [] }, "tokenizer": tokenizer })
}

fn analysis(language: &'static str, mut settings: serde_json::Value) -> Result<EdgeBm25, Error> {
    let refused = |reason: String| Error::Words { language, reason };
    settings["avg_len"] = json!(AVERAGE_WORDS);
    let config: EdgeBm25Config = serde_json::from_value(settings).map_err(|error| refused(error.to_string()))?;
    EdgeBm25::new(config).map_err(|error| refused(error.to_string()))
}

fn from_edge(vector: qdrant_edge::SparseVector) -> SparseWords {
    SparseWords {
        indices: vector.indices,
        values: vector.values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: Option<&str>, document: &str, query: &str, shared: usize) {
        let words = Words::new().unwrap();
        let document = words.document(document, language);
        let query = words.query(query, language);
        let found = query.indices.iter().filter(|i| document.indices.contains(i)).count();
        assert_eq!(found, shared, "{language:?} {query:?} in {document:?}");
    }

    #[test]
    fn english_is_stemmed_and_its_stop_words_dropped() {
        check(
            Some("en"),
            "The invoices were charged twice",
            "was an invoice charging?",
            2,
        );
    }

    #[test]
    fn spanish_is_stemmed_and_its_stop_words_dropped() {
        check(Some("es"), "Las facturas de los clientes", "la factura del cliente", 2);
    }

    #[test]
    fn other_languages_are_taken_word_by_word() {
        check(Some("de"), "Die Rechnungen sind falsch", "falsch Rechnung", 1);
        check(Some("de"), "Die Rechnungen sind falsch", "die Rechnungen", 2);
    }

    #[test]
    fn without_a_language_every_stem_is_looked_for() {
        let words = Words::new().unwrap();
        let query = words.query("facturas invoices Rechnungen", None);
        for (text, language) in [("factura", "es"), ("invoice", "en"), ("Rechnungen", "de")] {
            let document = words.document(text, Some(language));
            assert!(query.indices.contains(&document.indices[0]), "{text}");
        }
    }

    #[test]
    fn codes_are_found_whatever_the_language() {
        for language in [Some("en"), Some("es"), Some("fr"), None] {
            check(language, "Error E-4711 at order A12345", "A12345", 1);
        }
    }

    #[test]
    fn a_hyphen_parts_words_in_every_language_alike() {
        let words = Words::new().unwrap();
        let query = words.query("A-99817", Some("en"));
        for language in [Some("en"), Some("es"), Some("de"), None] {
            let document = words.document("Order A-99817", language);
            assert!(
                query.indices.iter().all(|i| document.indices.contains(i)),
                "{language:?}"
            );
        }
    }

    #[test]
    fn scripts_without_spaces_are_segmented() {
        check(Some("zh"), "我的发票金额不对", "发票", 1);
    }

    #[test]
    fn nothing_is_left_of_nothing() {
        let words = Words::new().unwrap();
        for text in ["", "   ", "?!", "the and of"] {
            assert!(words.query(text, Some("en")).is_empty(), "{text:?}");
            assert!(words.document(text, Some("en")).is_empty(), "{text:?}");
        }
    }
}
