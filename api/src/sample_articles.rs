//! The sample desk's knowledge base: articles on the products of the fictional vendor, in English and Spanish.

use anyhow::{Context, Result};
use desk::{Actor, ArticleVisibility, NewArticle};
use knowledge::import::{self, Defaults};
use store::Store;

/// Every file of `sample/articles`, Markdown with front matter.
const ARTICLES: &[&str] = include!(concat!(env!("OUT_DIR"), "/sample_articles.rs"));
/// The setting that says the articles were loaded.
const LOADED: &str = "sample.articles.loaded";

/// Loads the sample articles where they were not loaded before; how many were. They wait for the index.
///
/// **Errors:** the database's.
pub async fn load(store: &Store) -> Result<usize> {
    if store.get_setting(LOADED).await?.is_some() {
        return Ok(0);
    }
    let actor = Actor::operator("sample");
    let articles = articles()?;
    let loaded = articles.len();
    for article in articles {
        import::keep(store, article, &actor).await?;
    }
    store.set_setting(LOADED, "1").await?;
    Ok(loaded)
}

/// The sample articles.
///
/// **Errors:** a file that is no article.
pub fn articles() -> Result<Vec<NewArticle>> {
    let read = |text: &&str| {
        let defaults = Defaults {
            name: String::new(),
            visibility: ArticleVisibility::Draft,
        };
        let article = import::from_markdown(text, &defaults);
        article.map_err(|errors| anyhow::anyhow!("{errors:?}"))
    };
    ARTICLES
        .iter()
        .map(read)
        .collect::<Result<_>>()
        .context("the sample articles cannot be read")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_sample_is_large_enough_and_in_two_languages() {
        let articles = articles().expect("readable articles");
        let in_language = |code: &str| {
            let of_it = |article: &&NewArticle| article.language.as_deref() == Some(code);
            articles.iter().filter(of_it).count()
        };
        assert!(in_language("en") >= 40, "{}", in_language("en"));
        assert!(in_language("es") >= 20, "{}", in_language("es"));
        let ids: HashSet<_> = articles.iter().map(|article| &article.external_id).collect();
        assert_eq!(ids.len(), articles.len(), "every article has an id of its own");
        for visibility in ArticleVisibility::ALL {
            assert!(
                articles.iter().any(|article| article.visibility == *visibility),
                "{visibility}"
            );
        }
    }
}
