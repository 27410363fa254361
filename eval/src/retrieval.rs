//! Search on judged queries, by the very functions the desk searches with.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result};
use encoder::{Encoder, Side};
use search::{CollectionSpec, Hit, Point, Query, Search};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Progress;
use crate::beir::{Beir, Document};
use crate::bootstrap::Figure;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::folder::{Files, REPORT};
use crate::metrics::{Kind, Metrics};
use crate::ranking::{ndcg, recall, reciprocal_rank};
use crate::report;
use crate::share::mean_share;

const COLLECTION: &str = "eval";
const DEPTH: usize = 10;
const BATCH: usize = 64;

/// Which kinds of likeness are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Vectors and words, fused.
    #[default]
    Hybrid,
    /// Vectors alone.
    Dense,
    /// Words alone.
    Sparse,
}

/// What a search answered to one query. **Persisted** as one line of `predictions.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// The query's id.
    pub query: String,
    /// What was asked.
    pub text: String,
    /// The documents' ids, best first.
    pub documents: Vec<String>,
    /// Their fused scores, comparable within one answer only.
    pub scores: Vec<f32>,
    /// Their cosines to the query, where they were compared.
    pub cosines: Vec<Option<f32>>,
    /// Their relevances.
    pub gains: Vec<f64>,
    /// Every document judged for the query, with its relevance.
    pub judged: BTreeMap<String, f64>,
}

impl Ranking {
    /// Discounted gain of the first ten over the best possible.
    pub fn ndcg_at_10(&self) -> f64 {
        let ideal: Vec<f64> = self.judged.values().copied().collect();
        ndcg(&self.gains, &ideal, 10)
    }

    /// One over the rank of the first hit within the first `k`.
    pub fn reciprocal_rank(&self, k: usize) -> f64 {
        reciprocal_rank(&self.gains, k)
    }

    /// Share of what is relevant within the first `k`.
    pub fn recall(&self, k: usize) -> f64 {
        recall(&self.gains, self.judged.values().filter(|gain| **gain > 0.0).count(), k)
    }
}

/// Indexes the corpus in an empty search and asks every query; nothing finds itself.
///
/// **Errors**: the encoder's and the search's.
pub async fn run(
    search: &Search,
    encoder: &Encoder,
    set: &Beir,
    mode: Mode,
    progress: &mut Progress<'_>,
) -> Result<Vec<Ranking>> {
    let total = set.corpus.len() + set.queries.len();
    let names = index(search, encoder, &set.corpus, &mut |done, _| progress(done, total)).await?;
    let ids: HashMap<&str, Uuid> = names.iter().map(|(id, name)| (name.as_str(), *id)).collect();
    let mut rankings = Vec::with_capacity(set.queries.len());
    for queries in set.queries.chunks(BATCH) {
        let texts = queries.iter().map(Document::passage).collect();
        let vectors = encoder
            .embed(texts, Side::Query)
            .await
            .context("embedding the queries")?;
        let mut titles = titles(encoder, queries, Side::Query).await?.into_iter();
        for (query, vector) in queries.iter().zip(vectors) {
            let asked = Query {
                title_vector: query
                    .has_title()
                    .then(|| titles.next())
                    .flatten()
                    .filter(|_| mode == Mode::Hybrid),
                exclude: ids.get(query.id.as_str()).copied().into_iter().collect(),
                ..ask(query, vector, mode)
            };
            let hits = search.nearest(COLLECTION, &asked).await?;
            rankings.push(judge(set, query, &hits, &names));
        }
        progress(set.corpus.len() + rankings.len(), total);
    }
    Ok(rankings)
}

async fn index(
    search: &Search,
    encoder: &Encoder,
    corpus: &[Document],
    progress: &mut Progress<'_>,
) -> Result<HashMap<Uuid, String>> {
    search
        .ensure(&CollectionSpec::new(COLLECTION, encoder.dimensions()).with_titles())
        .await?;
    let mut names = HashMap::new();
    for documents in corpus.chunks(BATCH) {
        let points = points(encoder, documents).await?;
        names.extend(
            points
                .iter()
                .map(|point| point.id)
                .zip(documents.iter().map(|document| document.id.clone())),
        );
        search.upsert(COLLECTION, &points).await?;
        progress(names.len(), corpus.len());
    }
    Ok(names)
}

async fn points(encoder: &Encoder, documents: &[Document]) -> Result<Vec<Point>> {
    let texts: Vec<String> = documents.iter().map(Document::passage).collect();
    let vectors = encoder
        .embed(texts.clone(), Side::Passage)
        .await
        .context("embedding the corpus")?;
    let mut titles = titles(encoder, documents, Side::Passage).await?.into_iter();
    let point = |((document, text), vector): ((&Document, String), Vec<f32>)| Point {
        id: Uuid::now_v7(),
        vector,
        title_vector: document.has_title().then(|| titles.next()).flatten(),
        text,
        language: document.language(),
        payload: serde_json::Map::new(),
    };
    Ok(documents.iter().zip(texts).zip(vectors).map(point).collect())
}

/// The vectors of the titles, of those documents alone that have one.
async fn titles(encoder: &Encoder, documents: &[Document], side: Side) -> Result<Vec<Vec<f32>>> {
    let titled = documents.iter().filter(|document| document.has_title());
    let titles: Vec<String> = titled.map(|document| document.title.clone()).collect();
    if titles.is_empty() {
        return Ok(Vec::new());
    }
    encoder.embed(titles, side).await.context("embedding the titles")
}

fn ask(query: &Document, vector: Vec<f32>, mode: Mode) -> Query {
    Query {
        vector: (mode != Mode::Sparse).then_some(vector),
        text: (mode != Mode::Dense).then(|| query.passage()),
        language: query.language(),
        limit: DEPTH,
        ..Query::default()
    }
}

fn judge(set: &Beir, query: &Document, hits: &[Hit], names: &HashMap<Uuid, String>) -> Ranking {
    let judged = &set.judgements[&query.id];
    let documents: Vec<String> = hits.iter().map(|hit| names[&hit.id].clone()).collect();
    Ranking {
        query: query.id.clone(),
        text: query.passage(),
        gains: documents
            .iter()
            .map(|document| judged.get(document).copied().unwrap_or(0.0))
            .collect(),
        documents,
        scores: hits.iter().map(|hit| hit.score).collect(),
        cosines: hits.iter().map(|hit| hit.dense).collect(),
        judged: judged.iter().map(|(id, gain)| (id.clone(), *gain)).collect(),
    }
}

/// Rankings and what they are worth.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// The figures.
    pub metrics: Metrics,
    /// One a query.
    pub rankings: Vec<Ranking>,
}

impl Ranked {
    /// Judges rankings made from these files with this encoder.
    ///
    /// **Errors**: a file that cannot be read again.
    pub fn new(kind: Kind, rankings: Vec<Ranking>, files: &[&Path], encoder: &Path) -> Result<Self> {
        let mut metrics = figures(kind, &rankings);
        metrics.fingerprints = Fingerprints {
            data: files
                .iter()
                .map(|file| Fingerprint::of_file(file))
                .collect::<Result<_>>()?,
            models: vec![Fingerprint::of_model(encoder)?],
        };
        Ok(Ranked { metrics, rankings })
    }

    /// The files of the run, the page under this title.
    ///
    /// **Errors**: a value that JSON cannot hold, a plot that cannot be drawn.
    pub fn files(&self, title: &str, corpus: &[Document]) -> Result<Files> {
        let mut files = Files::new(&self.rankings, &self.metrics)?;
        let page = report::retrieval_page(title, &self.metrics, &self.rankings, corpus)?;
        files.add(REPORT, page.into_bytes());
        Ok(files)
    }
}

/// The figures over rankings.
pub fn figures(kind: Kind, rankings: &[Ranking]) -> Metrics {
    let over =
        |figure: &dyn Fn(&Ranking) -> f64| -> Figure { mean_share(&rankings.iter().map(figure).collect::<Vec<_>>()) };
    let figures = [
        ("ndcg_at_10", over(&Ranking::ndcg_at_10)),
        ("mrr_at_10", over(&|r| r.reciprocal_rank(10))),
        ("recall_at_10", over(&|r| r.recall(10))),
        ("recall_at_5", over(&|r| r.recall(5))),
        ("precision_at_1", over(&|r| r.reciprocal_rank(1))),
    ];
    Metrics::new(kind, rankings.len(), figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(gains: &[f64], judged: &[(&str, f64)]) -> Ranking {
        Ranking {
            query: "q".to_owned(),
            text: "?".to_owned(),
            documents: (0..gains.len()).map(|at| at.to_string()).collect(),
            scores: vec![0.0; gains.len()],
            cosines: vec![None; gains.len()],
            gains: gains.to_vec(),
            judged: judged.iter().map(|(id, gain)| ((*id).to_owned(), *gain)).collect(),
        }
    }

    #[test]
    fn figures_are_means_over_queries() {
        let rankings = [
            ranking(&[1.0, 0.0], &[("0", 1.0)]),
            ranking(&[0.0, 1.0], &[("1", 1.0), ("9", 1.0)]),
        ];
        let metrics = figures(Kind::Retrieval, &rankings);
        let value = |name: &str| metrics.figures[name].value;
        assert_eq!(value("precision_at_1"), 0.5);
        assert_eq!(value("mrr_at_10"), 0.75);
        assert_eq!(value("recall_at_10"), 0.75);
        // The second query: 1/log2(3) of 1 + 1/log2(3).
        let second = (1.0 / 3f64.log2()) / (1.0 + 1.0 / 3f64.log2());
        assert!((value("ndcg_at_10") - (1.0 + second) / 2.0).abs() < 1e-12);
    }
}
