//! `deskwise train answerability`: from questions with known answers to the model that decides between an answer and
//! silence.

mod card;
mod observe;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use desk::{ArticleVisibility, NewArticle};
use eval::Metrics;
use eval::answers::{Said, metrics};
use eval::beir::{Beir, Document};
use eval::questions::{self, Base, Question};
use knowledge::{Answerability, EVIDENCE, SPEAKS_FOR, Weights};
use training::Logistic;
use training::answerability::{Example, Fitted, fit};
use training::parameters;

use crate::cli::import;
use crate::config::Config;
use crate::sample_articles;
use observe::{Observed, observe};

/// How many times as bad as silence a wrong article is. Where probabilities mean what they say, showing is then worth it
/// from the threshold on.
const WRONG_COST: f64 = 2.0;
/// Below this probability nothing is shown.
const THRESHOLD: f64 = WRONG_COST / (1.0 + WRONG_COST);
/// Draws of half the articles that are learnt from beside all of them.
const HALVES: u32 = 3;
/// Draws of a few articles that are learnt from.
const FEWS: u32 = 4;
/// Draws of half the documents of a retrieval set.
const HALVES_OF_SET: u32 = 4;

/// What to learn from.
#[derive(Debug, Args)]
pub struct Options {
    /// JSON Lines of questions with the article that answers each.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Folder of the articles, as for `import articles`; those of the sample desk when left out.
    #[arg(long, value_name = "DIR")]
    articles: Option<PathBuf>,
    /// Folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Questions, and what bases had for them.
pub struct Seen {
    questions: Vec<Question>,
    observed: Vec<Observed>,
    articles: usize,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let seen = see(&options.data, options.articles.as_deref(), config).await?;
    let fitted = learn(&seen)?;
    let (metrics, _) = cross_validated(&seen, &fitted);
    let model = model(&fitted)?;
    let card = card::card(&seen, &model, &metrics);
    parameters::write(
        manifest::Kind::Answerability,
        &toml::Table::try_from(&model)?,
        &card,
        &options.out,
    )?;
    super::report(&metrics, metrics.to_markdown(), options.json, &options.out)
}

/// Asks all of the articles, halves of them and a few of them.
pub async fn see(data: &Path, articles: Option<&Path>, config: &Config) -> Result<Seen> {
    let questions = questions::read(data)?;
    let articles = match articles {
        Some(folder) => import::articles::read(folder)?,
        None => sample_articles::articles()?,
    };
    let bases: Vec<Base> = std::iter::once(Base::Whole)
        .chain((0..HALVES).map(Base::Half))
        .chain((0..FEWS).map(Base::Few))
        .collect();
    Ok(Seen {
        articles: articles.len(),
        observed: observe(&questions, articles, &bases, config).await?,
        questions,
    })
}

/// Fits on everything that was seen, judged by folds over topics.
pub fn learn(seen: &Seen) -> Result<Fitted> {
    let mut groups: HashMap<&str, usize> = HashMap::new();
    let mut examples = Vec::new();
    for observed in &seen.observed {
        let next = groups.len();
        let group = *groups.entry(group(&seen.questions[observed.question])).or_insert(next);
        examples.push(Example {
            features: features(observed),
            answered: observed.possible,
            language: observed.best.as_ref().and_then(|best| best.language.clone()),
            group,
            lost: observed.base != Base::Whole,
        });
    }
    fit(&examples, &SPEAKS_FOR)
}

/// Figures of what fits on other folds say to questions to all articles.
pub fn cross_validated(seen: &Seen, fitted: &Fitted) -> (Metrics, Vec<Said>) {
    let judged = seen.observed.iter().zip(&fitted.out_of_fold);
    let said: Vec<Said> = judged
        .filter(|(observed, _)| observed.base == Base::Whole)
        .map(|(observed, said)| {
            let probability = observed.best.as_ref().map_or(0.0, |_| *said);
            seen.said(observed, probability, probability >= THRESHOLD)
        })
        .collect();
    (metrics(&said), said)
}

/// Figures of what a model says to the queries of a set of which half the documents are taken away.
pub async fn half_removed(set: &Beir, model: &Answerability, config: &Config) -> Result<(Metrics, Vec<Said>)> {
    let questions = questions::of_retrieval(set);
    let articles: Vec<NewArticle> = set.corpus.iter().map(article).collect();
    let bases: Vec<Base> = (0..HALVES_OF_SET).map(Base::Half).collect();
    let seen = Seen {
        articles: articles.len(),
        observed: observe(&questions, articles, &bases, config).await?,
        questions,
    };
    let judge = |observed: &Observed| {
        let evidence = observed.best.as_ref().map(|best| &best.evidence);
        let language = observed.best.as_ref().and_then(|best| best.language.as_deref());
        let probability = model.probability(language, evidence);
        seen.said(observed, probability.into(), probability >= model.threshold)
    };
    let said: Vec<Said> = seen.observed.iter().map(judge).collect();
    Ok((metrics(&said), said))
}

impl Seen {
    fn said(&self, observed: &Observed, probability: f64, shown: bool) -> Said {
        let question = &self.questions[observed.question];
        let first = observed
            .best
            .as_ref()
            .and_then(|best| best.article.fields.external_id.clone());
        Said {
            id: question.id.clone(),
            text: question.text.clone(),
            language: question.language.clone(),
            group: group(question).to_owned(),
            base: observed.base,
            possible: observed.possible,
            first,
            right: observed.right,
            probability,
            shown,
        }
    }
}

/// A question without a topic stands by itself.
fn group(question: &Question) -> &str {
    question.topic.as_deref().unwrap_or(&question.id)
}

/// Nothing speaks for what was not found.
fn features(observed: &Observed) -> Vec<f64> {
    let evidence = observed.best.as_ref().map(|best| best.evidence.features());
    evidence.unwrap_or([0.0; EVIDENCE]).to_vec()
}

/// A document of a set as an article that everybody may read.
fn article(document: &Document) -> NewArticle {
    let title = document.title.split_whitespace().collect::<Vec<_>>().join(" ");
    NewArticle {
        external_id: Some(document.id.clone()),
        language: document.language(),
        visibility: ArticleVisibility::Public,
        ..NewArticle::draft(
            if title.is_empty() { document.id.clone() } else { title },
            document.text.clone(),
        )
    }
}

fn model(fitted: &Fitted) -> Result<Answerability> {
    let by_language = fitted.weights.by_language.iter();
    Ok(Answerability {
        revision: String::new(),
        threshold: THRESHOLD as f32,
        ceiling: fitted.ceiling as f32,
        by_language: by_language
            .map(|(code, logistic)| Ok((code.clone(), weights(logistic)?)))
            .collect::<Result<_>>()?,
        otherwise: weights(&fitted.weights.otherwise)?,
    })
}

fn weights(logistic: &Logistic) -> Result<Weights> {
    let weights: [f64; EVIDENCE] = logistic
        .weights
        .clone()
        .try_into()
        .ok()
        .context("the fit has another number of weights")?;
    Ok(Weights::new(logistic.bias, weights))
}
