//! Search on a BEIR set, by the very functions the desk searches with.

use std::collections::HashMap;

use anyhow::{Context, Result};
use encoder::{Encoder, Side};
use search::{CollectionSpec, Point, Query, Search};
use serde::Serialize;
use uuid::Uuid;

use crate::Progress;
use crate::bootstrap::{Figure, mean};
use crate::ranking::{ndcg, recall, reciprocal_rank};
use crate::rows::{Beir, Document};

const COLLECTION: &str = "eval";
const DEPTH: usize = 10;
const BATCH: usize = 64;

/// Which half of the search answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Vectors and words, fused.
    Hybrid,
    /// Vectors alone.
    Dense,
    /// Words alone.
    Sparse,
}

/// The figures of a search on a set.
#[derive(Debug, Clone, Serialize)]
pub struct RetrievalMetrics {
    /// Queries judged.
    pub queries: usize,
    /// Discounted gain of the first ten.
    pub ndcg_at_10: Figure,
    /// One over the rank of the first hit within ten.
    pub mrr_at_10: Figure,
    /// Share of what is relevant within the first ten.
    pub recall_at_10: Figure,
    /// Whether the first result is relevant.
    pub precision_at_1: Figure,
}

/// What a search answered to one query.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    /// The query's id.
    pub query: String,
    /// The documents' ids, best first.
    pub documents: Vec<String>,
    /// Their relevances.
    pub gains: Vec<f64>,
    /// Relevances of everything judged for the query.
    #[serde(skip)]
    judged: Vec<f64>,
}

/// Indexes the corpus in an empty search and asks every query.
pub async fn run(
    search: &Search,
    encoder: &Encoder,
    set: &Beir,
    mode: Mode,
    progress: &mut Progress<'_>,
) -> Result<Vec<Ranking>> {
    let names = index(search, encoder, &set.corpus).await?;
    let mut rankings = Vec::with_capacity(set.queries.len());
    for queries in set.queries.chunks(BATCH) {
        let texts = queries.iter().map(|query| query.text.clone()).collect();
        let vectors = encoder
            .embed(texts, Side::Query)
            .await
            .context("embedding the queries")?;
        for (query, vector) in queries.iter().zip(vectors) {
            let hits = search.nearest(COLLECTION, &ask(query, vector, mode)).await?;
            let documents = hits.iter().map(|hit| names[&hit.id].clone()).collect();
            rankings.push(judge(set, &query.id, documents));
        }
        progress(rankings.len(), set.queries.len());
    }
    Ok(rankings)
}

async fn index(search: &Search, encoder: &Encoder, corpus: &[Document]) -> Result<HashMap<Uuid, String>> {
    search
        .ensure(&CollectionSpec::new(COLLECTION, encoder.dimensions()))
        .await?;
    let mut names = HashMap::new();
    for documents in corpus.chunks(BATCH) {
        let texts: Vec<String> = documents.iter().map(Document::passage).collect();
        let vectors = encoder
            .embed(texts.clone(), Side::Passage)
            .await
            .context("embedding the corpus")?;
        let points: Vec<Point> = documents
            .iter()
            .zip(texts)
            .zip(vectors)
            .map(|((document, text), vector)| {
                let id = Uuid::now_v7();
                names.insert(id, document.id.clone());
                Point {
                    id,
                    vector,
                    text,
                    language: document.language.clone(),
                    payload: serde_json::Map::new(),
                }
            })
            .collect();
        search.upsert(COLLECTION, &points).await?;
    }
    Ok(names)
}

fn ask(query: &Document, vector: Vec<f32>, mode: Mode) -> Query {
    Query {
        vector: (mode != Mode::Sparse).then_some(vector),
        text: (mode != Mode::Dense).then(|| query.text.clone()),
        language: query.language.clone(),
        limit: DEPTH,
        ..Query::default()
    }
}

fn judge(set: &Beir, query: &str, documents: Vec<String>) -> Ranking {
    let judged = &set.judgements[query];
    let gains = documents
        .iter()
        .map(|document| judged.get(document).copied().unwrap_or(0.0))
        .collect();
    Ranking {
        query: query.to_owned(),
        documents,
        gains,
        judged: judged.values().copied().collect(),
    }
}

/// The figures over rankings.
pub fn figures(rankings: &[Ranking]) -> RetrievalMetrics {
    let over = |figure: fn(&Ranking) -> f64| mean(&rankings.iter().map(figure).collect::<Vec<_>>());
    RetrievalMetrics {
        queries: rankings.len(),
        ndcg_at_10: over(|r| ndcg(&r.gains, &r.judged, 10)),
        mrr_at_10: over(|r| reciprocal_rank(&r.gains, 10)),
        recall_at_10: over(|r| recall(&r.gains, r.judged.iter().filter(|&&gain| gain > 0.0).count(), 10)),
        precision_at_1: over(|r| reciprocal_rank(&r.gains, 1)),
    }
}
