//! What search sees of judged queries, for fitting how it weighs that, and what weights are worth.
//!
//! Queries are parted by a hash of their text: one half to fit on, the other held out.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use classifier::unit_hash;
use encoder::{Encoder, Side};
use search::{CollectionSpec, FEATURES, Point, Query, Search};
use uuid::Uuid;

use crate::Progress;
use crate::beir::{Beir, Document};
use crate::bootstrap::{Figure, mean};
use crate::ranking::{ndcg, reciprocal_rank};

const COLLECTION: &str = "eval_fusion";
const BATCH: usize = 64;
/// Hits looked at.
const DEPTH: usize = 50;

/// A set with its vectors.
#[derive(Debug, Clone)]
pub struct Embedded {
    points: Vec<Point>,
    asked: Vec<Asked>,
}

#[derive(Debug, Clone)]
struct Asked {
    query: Query,
    relevant: HashSet<Uuid>,
    held_out: bool,
}

/// The candidates of a query.
#[derive(Debug, Clone)]
pub struct Observed {
    /// What search weighs of each, best first by the weights in use.
    pub candidates: Vec<[f32; FEATURES]>,
    /// Which of them are relevant.
    pub relevant: Vec<bool>,
    /// How many are relevant in the whole corpus.
    pub judged: usize,
    /// Whether the query is not for fitting.
    pub held_out: bool,
}

/// Embeds a set; the language of what does not say is detected, as the desk does.
///
/// **Errors**: the encoder's.
pub async fn embed(encoder: &Encoder, set: &Beir, progress: &mut Progress<'_>) -> Result<Embedded> {
    // As the knowledge base reads texts.
    let encoder = encoder.verbatim();
    let total = set.corpus.len() + set.queries.len();
    let mut vectors = Vec::with_capacity(total);
    for (documents, side) in [(&set.corpus, Side::Passage), (&set.queries, Side::Query)] {
        for some in documents.chunks(BATCH) {
            let texts = some.iter().map(Document::passage).collect();
            let texts = encoder.embed(texts, side).await.context("embedding the texts")?;
            let titles = encoder.embed(some.iter().map(|d| d.title.clone()).collect(), side);
            let titles = titles.await.context("embedding the titles")?;
            vectors.extend(texts.into_iter().zip(titles));
            progress(vectors.len(), total);
        }
    }
    let queries = vectors.split_off(set.corpus.len());
    let ids: HashMap<&str, Uuid> = set
        .corpus
        .iter()
        .map(|d| d.id.as_str())
        .zip((0..).map(Uuid::from_u128))
        .collect();
    Ok(Embedded {
        points: set
            .corpus
            .iter()
            .zip(vectors)
            .map(|(document, v)| point(&ids, document, v))
            .collect(),
        asked: set
            .queries
            .iter()
            .zip(queries)
            .map(|(query, v)| asked(&ids, set, query, v))
            .collect(),
    })
}

fn point(ids: &HashMap<&str, Uuid>, document: &Document, (vector, title): (Vec<f32>, Vec<f32>)) -> Point {
    Point {
        id: ids[document.id.as_str()],
        vector,
        title_vector: document.has_title().then_some(title),
        text: document.passage(),
        language: document.language(),
        payload: serde_json::Map::new(),
    }
}

fn asked(ids: &HashMap<&str, Uuid>, set: &Beir, query: &Document, (vector, title): (Vec<f32>, Vec<f32>)) -> Asked {
    let judged = set.judgements[&query.id].iter().filter(|(_, gain)| **gain > 0.0);
    Asked {
        relevant: judged.map(|(document, _)| ids[document.as_str()]).collect(),
        held_out: is_held_out(&query.text),
        query: Query {
            vector: Some(vector),
            title_vector: query.has_title().then_some(title),
            text: Some(query.passage()),
            language: query.language(),
            exclude: ids.get(query.id.as_str()).copied().into_iter().collect(),
            limit: DEPTH,
            ..Query::default()
        },
    }
}

/// By a hash that is the same everywhere, so that a report can be repeated.
fn is_held_out(text: &str) -> bool {
    unit_hash(text) < 0.5
}

impl Embedded {
    /// The language that most queries are in, of those where one was detected; of as many the first by its code.
    pub fn language(&self) -> Option<String> {
        let detected = self.asked.iter().filter_map(|asked| asked.query.language.as_deref());
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        detected.for_each(|code| *counts.entry(code).or_default() += 1);
        counts
            .into_iter()
            .rev()
            .max_by_key(|(_, count)| *count)
            .map(|(code, _)| code.to_owned())
    }

    /// Whether queries have titles of their own.
    pub fn is_titled(&self) -> bool {
        self.asked.iter().any(|asked| asked.query.title_vector.is_some())
    }

    /// What search sees of every query; those without a relevant candidate are among them.
    ///
    /// **Errors**: the search's.
    pub async fn observe(&self, search: &Search) -> Result<Vec<Observed>> {
        fill(search, &self.points).await?;
        let mut observed = Vec::with_capacity(self.asked.len());
        for asked in &self.asked {
            let hits = search.nearest(COLLECTION, &asked.query).await?;
            observed.push(Observed {
                candidates: hits.iter().map(|hit| hit.features).collect(),
                relevant: hits.iter().map(|hit| asked.relevant.contains(&hit.id)).collect(),
                judged: asked.relevant.len(),
                held_out: asked.held_out,
            });
        }
        Ok(observed)
    }
}

async fn fill(search: &Search, points: &[Point]) -> Result<()> {
    let dimensions = points.first().context("the corpus is empty")?.vector.len();
    let spec = CollectionSpec::new(COLLECTION, dimensions).with_titles();
    search.ensure(&spec).await?;
    search.drop_collection(COLLECTION).await?;
    search.ensure(&spec).await?;
    search.upsert(COLLECTION, points).await?;
    Ok(())
}

/// What weights are worth on queries. Recall and the ideal count what is judged, found or not.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Worth {
    /// Queries.
    pub queries: usize,
    /// Discounted gain of the first ten over the best possible.
    pub ndcg_at_10: Figure,
    /// Share of what is relevant within the first ten.
    pub recall_at_10: Figure,
    /// Whether the first is relevant.
    pub precision_at_1: Figure,
}

/// Ranks the candidates by these weights and judges.
pub fn worth(observed: &[&Observed], weights: &[f64]) -> Worth {
    let rankings: Vec<(Vec<f64>, usize)> = observed.iter().map(|o| (ranked(o, weights), o.judged)).collect();
    let over = |figure: fn(&[f64], usize) -> f64| -> Figure {
        mean(
            &rankings
                .iter()
                .map(|(gains, judged)| figure(gains, *judged))
                .collect::<Vec<_>>(),
        )
    };
    Worth {
        queries: observed.len(),
        ndcg_at_10: over(|gains, judged| ndcg(gains, &vec![1.0; judged], 10)),
        recall_at_10: over(|gains, judged| gains.iter().take(10).sum::<f64>() / judged.max(1) as f64),
        precision_at_1: over(|gains, _| reciprocal_rank(gains, 1)),
    }
}

/// Discounted gain of the first ten by these weights, the mean over queries.
pub fn gain_at_10(observed: &[&Observed], weights: &[f64]) -> f64 {
    let gains = observed
        .iter()
        .map(|one| ndcg(&ranked(one, weights), &vec![1.0; one.judged], 10));
    gains.sum::<f64>() / observed.len().max(1) as f64
}

/// Relevances in the order of the weighed scores; equal scores stay as they came.
fn ranked(observed: &Observed, weights: &[f64]) -> Vec<f64> {
    let score = |row: &[f32; FEATURES]| row.iter().zip(weights).map(|(x, w)| f64::from(*x) * w).sum::<f64>();
    let mut scored: Vec<(f64, bool)> = observed
        .candidates
        .iter()
        .map(score)
        .zip(observed.relevant.clone())
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, yes)| f64::from(u8::from(yes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_rank_and_what_was_not_found_counts() {
        let mut candidates = vec![[0.0; FEATURES]; 2];
        (candidates[0][0], candidates[1][2]) = (1.0, 1.0);
        let observed = Observed {
            candidates,
            relevant: vec![false, true],
            judged: 2,
            held_out: false,
        };
        let by = |dense: f64, sparse: f64| worth(&[&observed], &[dense, 0.0, sparse, 0.0, 0.0, 0.0]);
        assert_eq!(by(1.0, 0.5).precision_at_1.value, 0.0);
        assert_eq!(by(0.5, 1.0).precision_at_1.value, 1.0);
        assert_eq!(by(0.5, 1.0).recall_at_10.value, 0.5);
    }

    #[test]
    fn the_language_is_that_of_most_queries_though_some_have_none() {
        let asked = |language: &Option<&str>| Asked {
            query: Query {
                language: language.map(str::to_owned),
                ..Query::default()
            },
            relevant: HashSet::new(),
            held_out: false,
        };
        let check = |languages: &[Option<&str>], expect: Option<&str>| {
            let embedded = Embedded {
                points: Vec::new(),
                asked: languages.iter().map(asked).collect(),
            };
            assert_eq!(embedded.language().as_deref(), expect, "{languages:?}");
        };
        check(&[Some("en"), None, Some("es"), Some("es")], Some("es"));
        check(&[Some("fr"), Some("es"), Some("es"), Some("fr")], Some("es"));
        check(&[None], None);
    }

    #[test]
    fn about_half_is_held_out_and_always_the_same() {
        let held_out = (0..1000).filter(|i| is_held_out(&format!("question {i}"))).count();
        assert!((400..600).contains(&held_out), "{held_out}");
        assert_eq!(is_held_out("question 1"), is_held_out("question 1"));
    }
}
