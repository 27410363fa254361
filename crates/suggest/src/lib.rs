//! Answers to a ticket that an agent can send: what articles and accepted replies say, cut out with its source.
//!
//! Nothing is ever worded anew here: each suggestion is a stretch of its source, and says which. This crate joins the
//! knowledge base and the tickets; it knows no HTTP, no command line and no environment.

mod config;
mod error;
mod extract;
mod gaps;
mod names;
mod source;
mod support;

use std::ops::Range;
use std::sync::Arc;

use desk::{ArticleVisibility, SourceRef, Tally, Ticket};
use knowledge::{Knowledge, Span};
use triage::Triage;

pub use config::Config;
pub use error::SuggestError;
pub use gaps::Gap;
pub use source::Place;

use extract::{Sentence, sentences, stretch};
use source::Source;

/// Sentences of a source that are compared with the ticket or with a reworded answer.
const SENTENCES_MAX: usize = 60;

/// Suggestions at work: shared by every handler.
pub struct Suggest {
    config: Config,
    knowledge: Arc<Knowledge>,
    triage: Arc<Triage>,
}

/// What is suggested for a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestions {
    /// The ticket's language, where it shows.
    pub language: Option<String>,
    /// The confidence below which nothing is offered.
    pub threshold: f32,
    /// Most confident first; none where nothing answers.
    pub items: Vec<Suggestion>,
}

/// A stretch of a source that may answer the ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What it says, exactly as the source does.
    pub text: String,
    /// What it was taken from.
    pub source: SourceRef,
    /// What that is called.
    pub title: String,
    /// Where it was taken from.
    pub place: Place,
    /// Where it stands in the body of the article or reply.
    pub span: Span,
    /// Its language, where it shows.
    pub language: Option<String>,
    /// That it answers the ticket, with what agents did with the source before. **Units:** 0 to 1.
    pub confidence: f32,
    /// What agents did with the source.
    pub tally: Tally,
}

impl Suggestion {
    /// Whether a customer may be sent it: an accepted reply, or what everybody may read.
    pub fn is_for_customers(&self) -> bool {
        match self.place {
            Place::Article { visibility, .. } => visibility == ArticleVisibility::Public,
            Place::Reply { .. } => true,
        }
    }
}

impl Suggest {
    /// Suggestions over this knowledge base and these tickets.
    pub fn new(config: Config, knowledge: Arc<Knowledge>, triage: Arc<Triage>) -> Self {
        Suggest {
            config,
            knowledge,
            triage,
        }
    }

    /// What may answer a ticket, most confident first; nothing where nothing is likely to.
    ///
    /// **Errors:** the encoder is busy or down, or the index or the store is.
    pub async fn for_ticket(&self, ticket: &Ticket) -> Result<Suggestions, SuggestError> {
        let said = desk::text::without_quoted_history(&ticket.text());
        let chosen = self.chosen(self.sources(ticket, &said).await?).await?;
        Ok(Suggestions {
            language: ticket
                .language
                .clone()
                .or_else(|| language::detect(&said).map(str::to_owned)),
            threshold: self.config.threshold,
            items: self.extracts(said, chosen).await?,
        })
    }

    /// The sources that are likely enough to answer, most confident first.
    async fn chosen(&self, sources: Vec<Source>) -> Result<Vec<(Source, Tally, f32)>, SuggestError> {
        let references: Vec<SourceRef> = sources.iter().map(|source| source.reference).collect();
        let tallies = self.triage.store().verdict_tallies(&references).await?;
        let with_confidence = |source: Source| {
            let tally = tallies.get(&source.reference).copied().unwrap_or_default();
            let confidence = tally.confidence(source.probability);
            (source, tally, confidence)
        };
        let mut chosen: Vec<_> = sources
            .into_iter()
            .map(with_confidence)
            .filter(|(.., confidence)| *confidence >= self.config.threshold)
            .collect();
        chosen.sort_by(|(.., one), (.., other)| other.total_cmp(one));
        chosen.truncate(self.config.suggestions);
        Ok(chosen)
    }

    /// From each source the stretch that is most like what the customer says; all texts are embedded in one go.
    async fn extracts(&self, said: String, chosen: Vec<(Source, Tally, f32)>) -> Result<Vec<Suggestion>, SuggestError> {
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let cut: Vec<Vec<Sentence>> = chosen
            .iter()
            .map(|(source, ..)| sentences(&source.text).into_iter().take(SENTENCES_MAX).collect())
            .collect();
        let mut texts = vec![said];
        for ((source, ..), cut) in chosen.iter().zip(&cut) {
            texts.extend(
                cut.iter()
                    .map(|sentence| source.text[sentence.range.clone()].to_owned()),
            );
        }
        let mut vectors = self.knowledge.embed_to_compare(texts).await?.into_iter();
        let question = vectors.next().unwrap_or_default();
        let mut items = Vec::with_capacity(chosen.len());
        for ((source, tally, confidence), cut) in chosen.into_iter().zip(cut) {
            let of_source = vectors.by_ref().take(cut.len());
            let likeness: Vec<f32> = of_source.map(|vector| dot(&question, &vector)).collect();
            let taken = stretch(&source.text, &cut, &likeness, self.config.text_chars);
            items.extend(taken.map(|range| suggestion(source, range, tally, confidence)));
        }
        Ok(items)
    }
}

fn suggestion(source: Source, range: Range<usize>, tally: Tally, confidence: f32) -> Suggestion {
    let chars = |bytes: Range<usize>| source.text[bytes].chars().count();
    let start = source.start + chars(0..range.start);
    Suggestion {
        span: Span {
            start,
            end: start + chars(range.clone()),
        },
        text: source.text[range].to_owned(),
        source: source.reference,
        title: source.title,
        place: source.place,
        language: source.language,
        confidence,
        tally,
    }
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}
