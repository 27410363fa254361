//! A question in, the passages that answer it out, or nothing.

use std::collections::HashMap;

use desk::{Article, ArticleVisibility, FieldCode, FieldError, Passage};
use encoder::Side;
use search::{Hit, Query};
use uuid::Uuid;

use crate::Knowledge;
use crate::error::KnowledgeError;
use crate::evidence::{COMPARED, Compared, Evidence};
use crate::index::{self, PASSAGES};
use crate::span::{Span, in_characters};

/// Longest question. **Units:** Unicode characters.
const MAX_QUESTION_CHARS: usize = 4_000;
/// Letters and digits below which nothing was asked yet.
const FEWEST_CHARS: usize = 2;
/// Most passages of an answer.
pub const MAX_LIMIT: usize = 50;

/// What is looked for, and for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// As it was typed.
    pub text: String,
    /// What the one who asks may read; nothing else is ever found.
    pub visibility: Vec<ArticleVisibility>,
    /// Only articles in this language.
    pub language: Option<String>,
    /// Only articles with all of these tags.
    pub tags: Vec<String>,
    /// The most passages wanted, 1 to 50.
    pub limit: usize,
}

/// What the knowledge base says.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The question's language, where it shows.
    pub language: Option<String>,
    /// Calibrated probability that the knowledge base answers the question, 0 to 1.
    pub probability: f32,
    /// The probability below which nothing is shown.
    pub threshold: f32,
    /// The revision of the model that says so.
    pub revision: String,
    /// The passages, best first; none where nothing answers.
    pub passages: Vec<Found>,
}

/// A passage that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The passage.
    pub passage: Passage,
    /// Its article as it is now.
    pub article: Article,
    /// What the passages are ordered by; comparable within one answer only.
    pub score: f32,
    /// That this passage answers the question, were those before it not there. **Units:** 0 to 1.
    pub probability: f32,
    /// Where the passage has words of the question.
    pub highlights: Vec<Span>,
}

/// The passage most likely to answer a question, and what speaks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Its article as it is now.
    pub article: Article,
    /// The question's language, where it shows.
    pub language: Option<String>,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// What was found for a question and may be read, best first.
struct Readable {
    hits: Vec<Hit>,
    compared: Vec<Compared>,
    rows: HashMap<Uuid, (Passage, Article)>,
}

impl Question {
    /// Whether the question can be asked, of articles or of anything else.
    ///
    /// **Errors:** every bad field.
    pub fn check(&self) -> Result<(), KnowledgeError> {
        let mut errors = desk::field::text_faults("q", &self.text, MAX_QUESTION_CHARS);
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            let message = format!("must be a whole number from 1 to {MAX_LIMIT}");
            errors.push(FieldError::new("limit", FieldCode::OutOfRange, message));
        }
        errors.extend(desk::field::filter_faults(&self.tags, self.language.as_deref()));
        if errors.is_empty() {
            return Ok(());
        }
        Err(KnowledgeError::Invalid(errors))
    }

    fn asks_something(&self) -> bool {
        self.text
            .chars()
            .filter(|c| c.is_alphanumeric())
            .take(FEWEST_CHARS)
            .count()
            == FEWEST_CHARS
    }
}

impl Knowledge {
    /// The passages that answer a question, best first; none where the knowledge base does not answer it. Dropping the
    /// future stops the work.
    ///
    /// **Errors:** a question that cannot be asked; the encoder, the index or the store is out of reach.
    pub async fn find(&self, question: &Question) -> Result<Answer, KnowledgeError> {
        question.check()?;
        let mut answer = Answer {
            language: language::detect(&question.text).map(str::to_owned),
            probability: 0.0,
            threshold: self.answerability.threshold,
            revision: self.answerability.revision.clone(),
            passages: Vec::new(),
        };
        if !question.asks_something() {
            return Ok(answer);
        }
        let language = answer.language.clone();
        let ask = self.hits(question, language.as_deref());
        let hits = self.recent.hits(question, ask).await?;
        let found = self.readable(question, language.as_deref(), &hits).await?;
        answer.probability = self.probability(language.as_deref(), &found, 0);
        if answer.probability >= answer.threshold {
            answer.passages = self.passages_of(question, language.as_deref(), found);
        }
        Ok(answer)
    }

    /// The passage that comes first for a question whose vector is known, shown or not, and what speaks for it; none
    /// where nothing was found. The model is fitted and judged by this.
    ///
    /// **Errors:** as of [`Knowledge::find`].
    pub async fn best(&self, question: &Question, vector: Vec<f32>) -> Result<Option<Best>, KnowledgeError> {
        question.check()?;
        if !question.asks_something() {
            return Ok(None);
        }
        let language = language::detect(&question.text);
        let hits = self.hits_like(question, language, Some(vector)).await?;
        let mut found = self.readable(question, language, &hits).await?;
        let first = found.hits.first().and_then(|hit| found.rows.remove(&hit.id));
        Ok(first
            .zip(Evidence::at(&found.compared, 0))
            .map(|((_, article), evidence)| Best {
                article,
                language: language.map(str::to_owned),
                evidence,
            }))
    }

    /// Whether any article that agents may read answers a text whose vector is known.
    ///
    /// **Errors:** the index or the store is out of reach.
    pub async fn answers(&self, text: &str, vector: Vec<f32>) -> Result<bool, KnowledgeError> {
        let language = language::detect(text);
        let question = Question {
            text: text.to_owned(),
            visibility: vec![ArticleVisibility::Public, ArticleVisibility::Internal],
            language: None,
            tags: Vec::new(),
            limit: 1,
        };
        let hits = self.hits_like(&question, language, Some(vector)).await?;
        let found = self.readable(&question, language, &hits).await?;
        Ok(self.probability(language, &found, 0) >= self.answerability.threshold)
    }

    /// That the passage at this place answers, were those before it not there.
    fn probability(&self, language: Option<&str>, found: &Readable, place: usize) -> f32 {
        let evidence = Evidence::at(&found.compared, place);
        self.answerability.probability(language, evidence.as_ref())
    }

    async fn hits(&self, question: &Question, language: Option<&str>) -> Result<Vec<Hit>, KnowledgeError> {
        let texts = vec![question.text.clone()];
        let vector = self.encoder.embed(texts, Side::Query).await?.pop();
        self.hits_like(question, language, vector).await
    }

    async fn hits_like(
        &self,
        question: &Question,
        language: Option<&str>,
        vector: Option<Vec<f32>>,
    ) -> Result<Vec<Hit>, KnowledgeError> {
        let query = Query {
            vector,
            text: Some(question.text.clone()),
            language: language.map(str::to_owned),
            filter: index::filter(&question.visibility, question.language.as_deref(), &question.tags),
            // Passages are compared so many at a time, wanted or not.
            limit: question.limit.next_multiple_of(COMPARED).min(MAX_LIMIT),
            ..Query::default()
        };
        Ok(self.search.nearest(PASSAGES, &query).await?)
    }

    /// These hits as far as they may be read. The index is only believed as to what is alike: who may read it is what
    /// the rows say, of the article as it is now and of the version the passage was cut from.
    async fn readable(
        &self,
        question: &Question,
        language: Option<&str>,
        hits: &[Hit],
    ) -> Result<Readable, KnowledgeError> {
        let ids: Vec<Uuid> = hits.iter().map(|hit| hit.id).collect();
        let may_read = |(passage, article): &(Passage, Article)| {
            !article.fields.archived
                && question.visibility.contains(&article.fields.visibility)
                && question.visibility.contains(&passage.visibility)
        };
        let rows = self.store.get_passages(&ids).await?.into_iter().filter(may_read);
        let rows: HashMap<Uuid, (Passage, Article)> = rows
            .map(|(passage, article)| (passage.id, (passage, article)))
            .collect();
        let hits: Vec<Hit> = hits.iter().filter(|hit| rows.contains_key(&hit.id)).cloned().collect();
        let compare = |hit: &Hit| {
            Some(Compared::new(
                &self.search,
                &question.text,
                language,
                hit,
                rows.get(&hit.id)?,
            ))
        };
        Ok(Readable {
            compared: hits.iter().filter_map(compare).collect(),
            hits,
            rows,
        })
    }

    fn passages_of(&self, question: &Question, language: Option<&str>, found: Readable) -> Vec<Found> {
        let shown = question.limit.min(found.hits.len());
        let probability = |place: usize| self.probability(language, &found, place);
        let probabilities: Vec<f32> = (0..shown).map(probability).collect();
        let Readable { hits, mut rows, .. } = found;
        let found = |(hit, probability): (Hit, f32)| {
            let (passage, article) = rows.remove(&hit.id)?;
            let of_text = article.fields.language.as_deref();
            let marks = self.search.marks(&passage.text, of_text, &question.text, language);
            Some(Found {
                highlights: in_characters(&passage.text, marks),
                passage,
                article,
                score: hit.score,
                probability,
            })
        };
        hits.into_iter().zip(probabilities).filter_map(found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of a question that are refused.
    fn check(question: &Question, expect: &[&str]) {
        let refused = match question.check() {
            Ok(()) => Vec::new(),
            Err(KnowledgeError::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(refused, expect);
    }

    fn question(text: &str) -> Question {
        Question {
            text: text.to_owned(),
            visibility: vec![ArticleVisibility::Public],
            language: None,
            tags: Vec::new(),
            limit: 10,
        }
    }

    #[test]
    fn a_question_says_something_and_no_more_than_the_store_can_keep() {
        for fit in [
            "till",
            "Where is it?\r\n\tOn the till.",
            &"ñ".repeat(MAX_QUESTION_CHARS),
        ] {
            check(&question(fit), &[]);
        }
        for unfit in ["x\0", "\u{7}till", " \n", &"ñ".repeat(MAX_QUESTION_CHARS + 1)] {
            check(&question(unfit), &["q"]);
        }
        for limit in [0, MAX_LIMIT + 1] {
            let asked = Question {
                limit,
                ..question("till")
            };
            check(&asked, &["limit"]);
        }
    }

    #[test]
    fn what_a_question_is_narrowed_by_is_bounded() {
        let asked = Question {
            language: Some("pt-BR".to_owned()),
            tags: (0..50).map(|at| format!("{at:050}")).collect(),
            ..question("till")
        };
        check(&asked, &[]);
        let tags = |tags: Vec<String>| Question { tags, ..asked.clone() };
        check(&tags((0..51).map(|at| at.to_string()).collect()), &["tags"]);
        check(&tags(vec!["till".to_owned(), "x".repeat(51)]), &["tags[1]"]);
        check(&tags(vec![String::new()]), &["tags[0]"]);
        for language in ["", "english", &"en-".repeat(1_000)] {
            let language = Some(language.to_owned());
            check(
                &Question {
                    language,
                    ..asked.clone()
                },
                &["language"],
            );
        }
    }
}
