//! What the desk's own knowledge base has for each question, in a scratch folder.

use anyhow::{Context, Result};
use desk::{Actor, ArticleVisibility, NewArticle};
use encoder::Side;
use eval::questions::{Base, Question, Topics};
use knowledge::{Answerability, Best, Knowledge, Weights, import};
use search::{Search, SearchConfig};
use store::{DataFolder, Store, StoreConfig};

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// A question as a base met it.
#[derive(Debug)]
pub struct Observed {
    /// Position of the question.
    pub question: usize,
    /// What the base had of the articles.
    pub base: Base,
    /// Whether one that answers was among them.
    pub possible: bool,
    /// Whether the passage that comes first is of one that answers.
    pub right: bool,
    /// The passage that comes first; none where nothing was found.
    pub best: Option<Best>,
}

/// Asks every base every question, as a customer does. What a base has lost is left out by a tag, so that nothing is
/// embedded twice.
pub async fn observe(
    questions: &[Question],
    articles: Vec<NewArticle>,
    bases: &[Base],
    config: &Config,
) -> Result<Vec<Observed>> {
    let place = tempfile::tempdir().context("cannot make a temporary folder")?;
    let encoder = open::search_encoder(config)?.verbatim();
    let store = Store::open(&StoreConfig::new(DataFolder::database_url(place.path()))).await?;
    let index = SearchConfig::edge(place.path().join("index")).with_fusion(open::fusion(config)?);
    let search = Search::open(index).await?;
    let knowledge = Knowledge::open(config.knowledge.clone(), store, search, encoder.clone(), silent()).await?;
    let topics = Topics::of(questions);
    fill(&knowledge, articles, bases, &topics).await?;
    let bar = meter::counting("questions", questions.len() as u64);
    let mut observed = Vec::with_capacity(questions.len() * bases.len());
    for (at, question) in questions.iter().enumerate() {
        let embedded = encoder.embed(vec![question.text.clone()], Side::Query).await?.pop();
        let vector = embedded.context("the encoder gave no vector")?;
        for &base in bases {
            let best = knowledge.best(&asked(question, base), vector.clone()).await?;
            let first = best
                .as_ref()
                .and_then(|best| best.article.fields.external_id.as_deref());
            observed.push(Observed {
                question: at,
                base,
                possible: question.answer.iter().any(|answer| base.holds(topics.topic(answer))),
                right: first.is_some_and(|first| topics.answers(first, question)),
                best,
            });
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    knowledge.finish().await;
    Ok(observed)
}

async fn fill(knowledge: &Knowledge, articles: Vec<NewArticle>, bases: &[Base], topics: &Topics) -> Result<()> {
    for mut article in articles {
        let name = article.external_id.clone().unwrap_or_default();
        let holds = |base: &&Base| base.holds(topics.topic(&name));
        article.tags = bases.iter().filter(holds).map(|base| base.name()).collect();
        import::keep(knowledge.store(), article, &Actor::operator("train")).await?;
    }
    while knowledge.sweep().await? > 0 {}
    Ok(())
}

fn asked(question: &Question, base: Base) -> knowledge::Question {
    knowledge::Question {
        text: question.text.clone(),
        visibility: vec![ArticleVisibility::Public],
        language: None,
        tags: vec![base.name()],
        limit: 1,
    }
}

/// What is observed does not depend on the model in force, so a knowledge base that shows nothing is asked.
fn silent() -> Answerability {
    Answerability {
        revision: String::new(),
        threshold: 1.0,
        ceiling: 1.0,
        by_language: std::collections::BTreeMap::new(),
        otherwise: Weights::default(),
    }
}
