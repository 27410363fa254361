//! What may answer a ticket: passages of the knowledge base, and accepted replies on tickets about the same matter.

use std::collections::HashMap;

use desk::{ArticleVisibility, Message, SourceKind, SourceRef, Ticket, WorkStatus};
use knowledge::{Found, Question};
use uuid::Uuid;

use crate::Suggest;
use crate::error::SuggestError;

/// Characters of a ticket that the knowledge base is asked with: the first ones say what it is about.
const QUESTION_CHARS: usize = 2_000;
/// Passages looked at; several may be of one article.
const PASSAGES: usize = 8;

/// A text that may answer, and how probable that is by itself.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub reference: SourceRef,
    /// What it is called: the article's title, or the subject of the ticket that was replied to.
    pub title: String,
    pub place: Place,
    pub text: String,
    pub language: Option<String>,
    /// Where the text begins in the article or reply. **Units:** Unicode characters.
    pub start: usize,
    /// **Units:** 0 to 1.
    pub probability: f32,
}

/// Where a suggestion was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An article of the knowledge base.
    Article {
        /// The version the text is from.
        version: i64,
        /// The headings above it, outermost first.
        headings: Vec<String>,
        /// Who may read it; an internal article is not for customers.
        visibility: ArticleVisibility,
    },
    /// An agent's reply.
    Reply {
        /// The ticket it was sent on.
        ticket_id: Uuid,
        /// That ticket's short number.
        number: i64,
    },
}

impl Suggest {
    pub(crate) async fn sources(&self, ticket: &Ticket, said: &str) -> Result<Vec<Source>, SuggestError> {
        let mut sources = self.passages(said).await?;
        sources.extend(self.replies(ticket).await?);
        Ok(sources)
    }

    /// The best passage of each article, where the knowledge base answers at all.
    async fn passages(&self, said: &str) -> Result<Vec<Source>, SuggestError> {
        let question = Question {
            text: said.chars().take(QUESTION_CHARS).collect(),
            visibility: vec![ArticleVisibility::Public, ArticleVisibility::Internal],
            language: None,
            tags: Vec::new(),
            limit: PASSAGES,
        };
        let answer = self.knowledge.find(&question).await?;
        let mut sources: Vec<Source> = Vec::new();
        for found in answer.passages {
            if !sources.iter().any(|source| source.reference.id == found.article.id) {
                sources.push(passage(found));
            }
        }
        Ok(sources)
    }

    /// The last public reply on each solved ticket that may be about the same matter.
    async fn replies(&self, ticket: &Ticket) -> Result<Vec<Source>, SuggestError> {
        let alike = self.triage.duplicates(ticket).await?;
        let is_solved = |other: &Ticket| matches!(other.status, WorkStatus::Solved | WorkStatus::Closed);
        let solved: HashMap<Uuid, (f64, Ticket)> = alike
            .into_iter()
            .filter(|(_, other)| is_solved(other))
            .map(|(duplicate, other)| (other.id, (duplicate.probability, other)))
            .collect();
        let ids: Vec<Uuid> = solved.keys().copied().collect();
        let replies = self.triage.store().last_replies(&ids).await?;
        let source = |reply: Message| {
            let (probability, other) = solved.get(&reply.ticket_id)?;
            Some(accepted_reply(reply, other, *probability as f32))
        };
        Ok(replies.into_iter().filter_map(source).collect())
    }
}

fn passage(found: Found) -> Source {
    // The text is of the version that was cut: it is public only where that was and the article still is.
    let visibility = match found.passage.visibility {
        ArticleVisibility::Public => found.article.fields.visibility,
        cut => cut,
    };
    Source {
        reference: SourceRef {
            kind: SourceKind::Article,
            id: found.article.id,
        },
        title: found.article.fields.title,
        place: Place::Article {
            version: found.passage.article_version,
            headings: found.passage.headings,
            visibility,
        },
        text: found.passage.text,
        language: found.article.fields.language,
        start: found.passage.start as usize,
        probability: found.probability,
    }
}

fn accepted_reply(reply: Message, other: &Ticket, probability: f32) -> Source {
    Source {
        reference: SourceRef {
            kind: SourceKind::Reply,
            id: reply.id,
        },
        title: other.subject.clone(),
        place: Place::Reply {
            ticket_id: other.id,
            number: other.number,
        },
        language: language::detect(&reply.body).map(str::to_owned),
        text: reply.body,
        start: 0,
        probability,
    }
}
