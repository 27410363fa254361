//! The page of a search.

use std::collections::HashMap;

use anyhow::Result;

use super::html::{escape, start};
use super::plots::{self, RIGHT, Series, WRONG};
use super::{Page, cards, figures, fingerprints};
use crate::abstention::precision_against_coverage;
use crate::beir::Document;
use crate::metrics::Metrics;
use crate::retrieval::Ranking;

/// Queries shown.
const QUERIES: usize = 25;
/// Hits shown with each.
const HITS: usize = 3;
/// Characters of a text shown.
const CHARS: usize = 220;

const FIRST: &[(&str, &str)] = &[
    ("ndcg_at_10", "nDCG@10"),
    ("mrr_at_10", "MRR@10"),
    ("recall_at_10", "Recall@10"),
    ("recall_at_5", "Recall@5"),
    ("precision_at_1", "P@1"),
];

/// The page of a run.
///
/// **Errors**: a plot that cannot be drawn.
pub fn retrieval_page(title: &str, metrics: &Metrics, rankings: &[Ranking], corpus: &[Document]) -> Result<String> {
    let lead = format!("{} queries, {} documents", rankings.len(), corpus.len());
    let mut page = Page::new(title, &lead);
    page.section(
        "Figures",
        "Each with its 95 % interval over the queries.",
        &cards(metrics, FIRST),
    );
    page.section("Ranks and scores", "", &figures(&plots_of(rankings)?));
    page.section(
        "Worst queries",
        "Asked for in green, found instead in amber, with the cosine of each hit.",
        &cases(rankings, corpus),
    );
    page.section(
        "Measured on",
        "The same sums mean the same data and the same model.",
        &fingerprints(metrics),
    );
    Ok(page.finish())
}

fn plots_of(rankings: &[Ranking]) -> Result<Vec<(String, &'static str)>> {
    let first = |ranking: &Ranking| ranking.gains.iter().position(|gain| *gain > 0.0);
    // What was not found within ten stands behind the tenth.
    let ranks = rankings
        .iter()
        .map(|ranking| first(ranking).map_or(11.0, |at| at as f64 + 1.0));
    let top: Vec<(f64, bool)> = rankings
        .iter()
        .filter_map(|ranking| Some((f64::from((*ranking.cosines.first()?)?), first(ranking) == Some(0))))
        .collect();
    let of = |right: bool| {
        top.iter()
            .filter(|(_, hit)| *hit == right)
            .map(|(cosine, _)| *cosine)
            .collect()
    };
    let mut shown = vec![(
        plots::histogram_over(
            "rank of the first hit (11: not among ten)",
            &[Series {
                name: "queries",
                values: ranks.collect(),
                color: RIGHT,
            }],
            11,
            0.5..11.5,
        )?,
        "Where the first relevant document stands.",
    )];
    if !top.is_empty() {
        let right_and_wrong = [
            Series {
                name: "relevant",
                values: of(true),
                color: RIGHT,
            },
            Series {
                name: "not relevant",
                values: of(false),
                color: WRONG,
            },
        ];
        shown.push((
            plots::histogram("cosine of the first result", &right_and_wrong, 24)?,
            "Whether the cosine tells right first results from wrong ones.",
        ));
        shown.push((
            plots::coverage("share answered", &precision_against_coverage(&top), None, None)?,
            "Precision of the first result as more queries are answered, surest first.",
        ));
    }
    Ok(shown)
}

fn cases(rankings: &[Ranking], corpus: &[Document]) -> String {
    let documents: HashMap<&str, &Document> = corpus.iter().map(|d| (d.id.as_str(), d)).collect();
    let mut worst: Vec<&Ranking> = rankings.iter().filter(|ranking| ranking.ndcg_at_10() < 1.0).collect();
    worst.sort_by(|a, b| a.ndcg_at_10().total_cmp(&b.ndcg_at_10()));
    if worst.is_empty() {
        return "<p>Every query found everything first.</p>".to_owned();
    }
    worst
        .iter()
        .take(QUERIES)
        .map(|ranking| case(ranking, &documents))
        .collect()
}

fn case(ranking: &Ranking, documents: &HashMap<&str, &Document>) -> String {
    let text = |id: &str| {
        documents
            .get(id)
            .map_or_else(|| escape(id), |d| start(&d.passage(), CHARS))
    };
    let wanted: String = ranking
        .judged
        .iter()
        .filter(|(_, gain)| **gain > 0.0)
        .map(|(id, _)| format!("<li><span class=\"tag right\">{}</span> {}</li>", escape(id), text(id)))
        .collect();
    let found = ranking
        .documents
        .iter()
        .zip(&ranking.gains)
        .zip(&ranking.cosines)
        .take(HITS);
    let found: String = found
        .map(|((id, gain), cosine)| {
            let kind = if *gain > 0.0 { "right" } else { "wrong" };
            let cosine = cosine.map_or_else(String::new, |cosine| format!("{cosine:.2} "));
            format!(
                "<li>{cosine}<span class=\"tag {kind}\">{}</span> {}</li>",
                escape(id),
                text(id)
            )
        })
        .collect();
    format!(
        "<div class=\"case\"><p class=\"text\">{}</p>nDCG@10 {:.3}<ul>{wanted}</ul><ul>{found}</ul></div>\n",
        start(&ranking.text, 2 * CHARS),
        ranking.ndcg_at_10()
    )
}
