//! Hops 3 to 5 of a ticket: vector, labels, neighbours. Needs no row.

use desk::{Duplicate, HeadRole, LabelChoice, ModelRef, Neighbour, Probability};
use encoder::Side;
use search::{Hit, Query};
use uuid::Uuid;

use crate::Triage;
use crate::duplicates::{self, Candidate};
use crate::error::TriageError;
use crate::index::{self, Embedded, TICKETS};
use crate::models::Models;

/// What the models say of a text.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Detected language, e.g. `es`.
    pub language: Option<String>,
    /// The text's unit vector.
    pub embedded: Embedded,
    /// What it is about.
    pub category: LabelChoice,
    /// How soon it needs someone.
    pub priority: LabelChoice,
    /// Similar tickets, nearest first.
    pub neighbours: Vec<Neighbour>,
    /// Similar tickets with the cosine of their texts: those that may be about the same matter.
    pub(crate) candidates: Vec<Candidate>,
    /// Those that probably are; none before their rows were read.
    pub(crate) duplicates: Vec<Duplicate>,
    /// Whether the index was out of reach, so that neighbours are missing.
    pub without_neighbours: bool,
    /// Every model that took part.
    pub models: Vec<ModelRef>,
}

impl Assessment {
    /// What the head of a role said.
    pub(crate) fn choice(&self, role: HeadRole) -> &LabelChoice {
        match role {
            HeadRole::Category => &self.category,
            HeadRole::Priority => &self.priority,
        }
    }
}

/// What to do when the index is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexDown {
    /// Fail, so that the ticket is tried again later.
    Fail,
    /// Go on without neighbours.
    GoOn,
}

impl Triage {
    /// What the models say of a text; `own_id` is left out of its neighbours.
    ///
    /// **Errors:** the encoder is busy or down; the index is, where that is to fail.
    pub async fn assess(&self, text: &str, own_id: Option<Uuid>, down: IndexDown) -> Result<Assessment, TriageError> {
        self.assess_by(&self.models(), text, own_id, down).await
    }

    /// As [`Triage::assess`], by these models.
    pub(crate) async fn assess_by(
        &self,
        models: &Models,
        text: &str,
        own_id: Option<Uuid>,
        down: IndexDown,
    ) -> Result<Assessment, TriageError> {
        let said = desk::text::without_quoted_history(text);
        let (vector, fingerprint) = models.encoder.embed_named(said.clone(), Side::Passage).await?;
        let (category, priority) = models.category.assess_both(&models.priority, &said, &vector)?;
        let language = language::detect(&said).map(str::to_owned);
        let (hits, without_neighbours) = match self.similar(said, language.clone(), vector.clone(), own_id).await {
            Ok(hits) => (hits, false),
            Err(error) if down == IndexDown::GoOn => {
                tracing::warn!(error = %error, "triage without neighbours");
                (Vec::new(), true)
            }
            Err(error) => return Err(error),
        };
        let models = models.refs();
        Ok(Assessment {
            language,
            embedded: Embedded { fingerprint, vector },
            category: choice(category),
            priority: choice(priority),
            candidates: duplicates::candidates(&hits),
            duplicates: Vec::new(),
            neighbours: hits
                .into_iter()
                .take(self.config.neighbours)
                .map(index::neighbour)
                .collect(),
            without_neighbours,
            models,
        })
    }

    /// Unit vectors of texts, in their order. **Shape:** `[texts, hidden]`.
    ///
    /// **Errors:** the encoder is busy or down.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, TriageError> {
        Ok(self.models().encoder.embed(texts, Side::Passage).await?)
    }

    /// The tickets most like a text, best first: as many as are shown or compared, whichever is more.
    pub(crate) async fn similar(
        &self,
        text: String,
        language: Option<String>,
        vector: Vec<f32>,
        own_id: Option<Uuid>,
    ) -> Result<Vec<Hit>, TriageError> {
        let limit = self.config.neighbours.max(self.models().duplicates.candidates);
        let query = Query {
            payloads: Some(self.config.neighbours),
            exclude: own_id.into_iter().collect(),
            ..index::similar_query(text, language, vector, limit)
        };
        Ok(self.search.nearest(TICKETS, &query).await?)
    }
}

pub(crate) fn choice(said: classifier::Assessment) -> LabelChoice {
    let probability = |(label, probability)| Probability { label, probability };
    LabelChoice {
        label: said.label,
        confidence: said.confidence,
        threshold: said.threshold,
        probabilities: said.probabilities.into_iter().map(probability).collect(),
        alternatives: said.alternatives,
        out_of_scope: said.out_of_scope,
        energy: Some(said.energy),
    }
}
