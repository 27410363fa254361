//! From text to a BM25 sparse vector.
//!
//! Documents carry the term-frequency half of BM25 of their stems and of the other forms of their words (see
//! [`crate::forms`]), queries carry the weight of each kind, and the index multiplies by the inverse document
//! frequency. Both backends get these very vectors, so both rank alike.
//!
//! **Source** Robertson and Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond* (2009), section 3.

use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};
use serde_json::json;

use crate::codes::{codes, telling_codes};
use crate::forms::{pairs, pieces, plain_words, quoted};
use crate::language::primary_language;
use crate::{Error, FormWeights};

/// Length in words at which a text is neither favoured nor punished. **Persisted** in every stored vector: after a
/// change all collections must be rebuilt.
const AVERAGE_WORDS: f64 = 100.0;
/// The same for pairs of words, which stop words take part in. **Persisted**.
const AVERAGE_PAIRS: f64 = 160.0;
/// The same for pieces of words. **Persisted**.
const AVERAGE_PIECES: f64 = 400.0;
/// How fast a word that is repeated stops to count. **Persisted**.
const SATURATION: f64 = 1.2;
/// How much the length of a text counts. **Persisted**.
const LENGTH_SHARE: f64 = 0.75;

/// Words of a query that was typed; a longer text is looked for without pieces of words and exact parts, which cost time and
/// tell little there.
const TYPED_WORDS_MAX: usize = 32;
/// Words of a long text whose pairs are looked for.
const PAIRED_WORDS_MAX: usize = 256;
/// Exact parts of a query that are looked up, the first ones.
const EXACT_PARTS_MAX: usize = 4;
/// Words of a quoted phrase that are looked up, the first ones.
const PHRASE_WORDS_MAX: usize = 9;

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

    /// Of two weights of one form the later one counts.
    fn of(mut weights: Vec<(u32, f32)>) -> Self {
        weights.sort_by_key(|(form, _)| *form);
        weights.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                *earlier = *later;
            }
            is_same
        });
        let (indices, values) = weights.into_iter().unzip();
        Self { indices, values }
    }

    /// These forms, each once and all alike.
    fn alike(forms: &[u32]) -> Self {
        Self::of(forms.iter().map(|form| (*form, 1.0)).collect())
    }
}

/// A part of a query that must be found as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExactPart {
    /// An identifier.
    Code(SparseWords),
    /// A quoted phrase.
    Phrase {
        /// All its forms together.
        whole: SparseWords,
        /// Each pair of neighbouring words (the one stem, of a single word); all of them must be there.
        forms: Vec<SparseWords>,
    },
}

/// The analyses there are: stop words and stems for English and Spanish, plain words for everything else.
#[derive(Debug)]
pub(crate) struct Words {
    english: Analysis,
    spanish: Analysis,
    plain: EdgeBm25,
    unspaced: EdgeBm25,
    weights: FormWeights,
}

/// Of a language whose stop words and endings are known.
#[derive(Debug)]
struct Analysis {
    stems: EdgeBm25,
    /// Leaves stop words out and the others as they are, which takes less time than stems where only that is asked.
    unstemmed: EdgeBm25,
}

impl Analysis {
    fn new(language: &'static str) -> Result<Self, Error> {
        Ok(Self {
            stems: analysis(language, json!({ "language": language }))?,
            unstemmed: analysis(language, unstemmed("word", &[language]))?,
        })
    }

    fn is_stop_word(&self, word: &str) -> bool {
        self.unstemmed.embed_query(word).indices.is_empty()
    }
}

impl Words {
    /// **Errors** only when the settings here are wrong.
    pub(crate) fn new(weights: FormWeights) -> Result<Self, Error> {
        Ok(Self {
            english: Analysis::new("english")?,
            spanish: Analysis::new("spanish")?,
            plain: analysis("other languages", unstemmed("word", &[]))?,
            unspaced: analysis("scripts without spaces", unstemmed("multilingual", &[]))?,
            weights,
        })
    }

    /// The vector a text is stored with.
    pub(crate) fn document(&self, text: &str, language: Option<&str>) -> SparseWords {
        let analysis = self.of(language).map(|analysis| &analysis.stems);
        let stems = analysis.unwrap_or_else(|| self.plain_for(text)).embed_document(text);
        let mut all: Vec<(u32, f32)> = stems.indices.into_iter().zip(stems.values).collect();
        if all.is_empty() {
            return SparseWords::default();
        }
        all.extend(frequencies(pairs(&plain_words(text)), AVERAGE_PAIRS));
        all.extend(frequencies(self.pieces_of(text, language), AVERAGE_PIECES));
        all.extend(codes(text).into_iter().map(|code| (code, 1.0)));
        SparseWords::of(all)
    }

    /// The vector a text is looked for with; without a known language by every analysis, so that it meets documents
    /// of each.
    pub(crate) fn query(&self, text: &str, language: Option<&str>) -> SparseWords {
        let stems = self.stems(text, language).into_iter();
        let mut all: Vec<(u32, f32)> = stems.map(|stem| (stem, 1.0)).collect();
        if all.is_empty() {
            return SparseWords::default();
        }
        let mut words = plain_words(text);
        if words.len() <= TYPED_WORDS_MAX {
            let pieces = self.pieces_of(text, language);
            all.extend(pieces.into_iter().map(|piece| (piece, self.weights.pieces)));
        }
        words.truncate(PAIRED_WORDS_MAX);
        all.extend(pairs(&words).into_iter().map(|pair| (pair, self.weights.pairs)));
        all.extend(codes(text).into_iter().map(|code| (code, self.weights.codes)));
        SparseWords::of(all)
    }

    /// The parts of a typed query that must be found as they are; none in a longer text.
    pub(crate) fn exact_parts(&self, text: &str, language: Option<&str>) -> Vec<ExactPart> {
        if text.split_whitespace().take(TYPED_WORDS_MAX + 1).count() > TYPED_WORDS_MAX {
            return Vec::new();
        }
        let code = |code: u32| ExactPart::Code(SparseWords::alike(&[code]));
        let codes = telling_codes(text).into_iter().map(code);
        let phrases = quoted(text).into_iter();
        codes
            .chain(phrases.filter_map(|words| self.phrase(words, language)))
            .take(EXACT_PARTS_MAX)
            .collect()
    }

    /// A phrase is there where all its pairs are; one word alone where its stem is. None where it says nothing.
    fn phrase(&self, mut words: Vec<String>, language: Option<&str>) -> Option<ExactPart> {
        words.truncate(PHRASE_WORDS_MAX);
        let forms = match words.as_slice() {
            [word] => self.stems(word, language).into_iter().take(1).collect(),
            words => pairs(words),
        };
        let whole = SparseWords::alike(&forms);
        let alone = |form: &u32| SparseWords::alike(&[*form]);
        (!whole.is_empty()).then(|| ExactPart::Phrase {
            forms: whole.indices.iter().map(alone).collect(),
            whole,
        })
    }

    fn of(&self, language: Option<&str>) -> Option<&Analysis> {
        match primary_language(language?).as_ref() {
            "en" => Some(&self.english),
            "es" => Some(&self.spanish),
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

    /// The stems of the words that are no stop words; without a known language by every analysis.
    pub(crate) fn stems(&self, text: &str, language: Option<&str>) -> Vec<u32> {
        match self.of(language) {
            Some(analysis) => analysis.stems.embed_query(text).indices,
            None => [&self.english.stems, &self.spanish.stems, self.plain_for(text)]
                .iter()
                .flat_map(|analysis| analysis.embed_query(text).indices)
                .collect(),
        }
    }

    /// The words in a run of a script that puts no spaces between them, as a text is stored by them; none in any other
    /// run.
    pub(crate) fn unspaced(&self, run: &str) -> Vec<u32> {
        if run.chars().any(is_unspaced) {
            self.unspaced.embed_query(run).indices
        } else {
            Vec::new()
        }
    }

    /// The pieces of the words that are no stop words.
    fn pieces_of(&self, text: &str, language: Option<&str>) -> Vec<u32> {
        let analysis = self.of(language);
        let is_stop_word = |word: &str| analysis.is_some_and(|analysis| analysis.is_stop_word(word));
        text.split(|c: char| !c.is_alphanumeric())
            .map(|word| (word, pieces(word)))
            .filter(|(word, pieces)| !pieces.is_empty() && !is_stop_word(word))
            .flat_map(|(_, pieces)| pieces)
            .collect()
    }
}

/// The term-frequency half of BM25 for every form.
fn frequencies(mut forms: Vec<u32>, average: f64) -> Vec<(u32, f32)> {
    forms.sort_unstable();
    let length = 1.0 - LENGTH_SHARE + LENGTH_SHARE * forms.len() as f64 / average;
    let frequency = |n: f64| (n * (SATURATION + 1.0) / (n + SATURATION * length)) as f32;
    let same = forms.chunk_by(u32::eq);
    same.map(|same| (same[0], frequency(same.len() as f64))).collect()
}

/// Whether the character belongs to a script that puts no spaces between words: Thai, Lao, Burmese, Khmer, Japanese
/// syllables and Han.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// A language without a stemmer and with its stop words replaced by those of others: words as they are.
fn unstemmed(tokenizer: &str, stop_words_of: &[&str]) -> serde_json::Value {
    json!({ "language": "chinese", "stopwords": { "languages": stop_words_of }, "tokenizer": tokenizer })
}

fn analysis(language: &'static str, mut settings: serde_json::Value) -> Result<EdgeBm25, Error> {
    let refused = |reason: String| Error::Words { language, reason };
    settings["avg_len"] = json!(AVERAGE_WORDS);
    settings["k"] = json!(SATURATION);
    settings["b"] = json!(LENGTH_SHARE);
    let config: EdgeBm25Config = serde_json::from_value(settings).map_err(|error| refused(error.to_string()))?;
    EdgeBm25::new(config).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::is_stem;

    fn words() -> Words {
        Words::new(FormWeights::default()).unwrap()
    }

    /// How many stems of the query are in the document.
    fn check(language: Option<&str>, document: &str, query: &str, shared: usize) {
        let words = words();
        let document = words.document(document, language);
        let query = words.query(query, language);
        let found = query
            .indices
            .iter()
            .filter(|i| is_stem(**i) && document.indices.contains(i))
            .count();
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
        let words = words();
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
        let words = words();
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
    fn a_region_makes_no_other_words() {
        check(
            Some("en-US"),
            "The invoices were charged",
            "was an invoice charging?",
            2,
        );
        let words = words();
        for (regional, plain) in [("en-US", "en"), ("es-MX", "es"), ("pt-BR", "pt")] {
            let [one, other] = [regional, plain].map(|code| words.document("Las facturas and invoices", Some(code)));
            assert_eq!(one, other, "{regional}");
        }
    }

    #[test]
    fn exact_parts_are_codes_that_tell_and_quoted_phrases() {
        let words = words();
        let parts = |text: &str| words.exact_parts(text, Some("en"));
        assert!(parts("2FA within 24h since the 1st of May 2024").is_empty());
        assert!(matches!(parts("error TL-4410 on 2024-05-12")[..], [ExactPart::Code(_)]));
        assert_eq!(parts("TL-4410/TL-4411"), parts("TL-4410 TL-4411"));
        let [ExactPart::Phrase { whole, forms }] = &parts("\"cannot be closed\"")[..] else {
            panic!("one phrase");
        };
        assert_eq!((whole.indices.len(), forms.len()), (2, 2));
        assert!(parts("\"the\"").is_empty() && parts("\"\"").is_empty());
    }

    #[test]
    fn scripts_without_spaces_are_segmented() {
        check(Some("zh"), "我的发票金额不对", "发票", 1);
    }

    #[test]
    fn nothing_is_left_of_nothing() {
        let words = words();
        for text in ["", "   ", "?!", "the and of"] {
            assert!(words.query(text, Some("en")).is_empty(), "{text:?}");
            assert!(words.document(text, Some("en")).is_empty(), "{text:?}");
        }
    }
}
