//! Writing articles: durable first, then found as soon as the index has them.

use std::sync::Arc;

use desk::{Actor, Article, ArticlePatch, FieldCode, FieldError, NewArticle};
use uuid::Uuid;

use crate::error::KnowledgeError;
use crate::{Knowledge, markdown};

impl Knowledge {
    /// The rows.
    pub fn store(&self) -> &store::Store {
        &self.store
    }

    /// Keeps a new article and waits, at most until the deadline, for it to be found.
    ///
    /// **Errors:** bad fields, an external id that is taken, or the store is out of reach. An encoder or index out of
    /// reach is no error: the article is indexed later.
    pub async fn create(self: &Arc<Self>, article: NewArticle, actor: &Actor) -> Result<Article, KnowledgeError> {
        let article = checked(article)?;
        let created = self.store.create_article(article, actor).await?;
        self.index_soon(&created).await;
        Ok(created)
    }

    /// Changes an article; the version before is kept. None where there is no such article.
    ///
    /// **Errors:** as of [`Knowledge::create`], and a version that is not the current one.
    pub async fn update(
        self: &Arc<Self>,
        id: Uuid,
        version: i64,
        patch: ArticlePatch,
        actor: &Actor,
    ) -> Result<Option<Article>, KnowledgeError> {
        if let Some(body) = &patch.body {
            check_words(body)?;
        }
        let changed = self.store.update_article(id, Some(version), patch, actor).await?;
        if let Some(article) = &changed {
            self.index_soon(article).await;
        }
        Ok(changed)
    }

    /// Puts back what an article said in an earlier version, as a new version. None where there is no such article or
    /// version.
    ///
    /// **Errors:** as of [`Knowledge::update`].
    pub async fn restore(
        self: &Arc<Self>,
        id: Uuid,
        version: i64,
        earlier: i64,
        actor: &Actor,
    ) -> Result<Option<Article>, KnowledgeError> {
        let Some(kept) = self.store.get_article_version(id, earlier).await? else {
            return Ok(None);
        };
        let restored = self
            .store
            .replace_article(id, Some(version), kept.fields, actor)
            .await?;
        if let Some(article) = &restored {
            self.index_soon(article).await;
        }
        Ok(restored)
    }

    /// Waits until the article can be found, at most until the deadline; indexing goes on when the caller leaves.
    async fn index_soon(self: &Arc<Self>, article: &Article) {
        self.titles.put(article);
        let (knowledge, article) = (Arc::clone(self), article.clone());
        let indexing = self.tasks.spawn(async move {
            if let Err(error) = knowledge.index_article(&article).await {
                tracing::warn!(article.id = %article.id, error = %error.chain(), "an article waits for the index");
            }
        });
        // A deadline that passes leaves the task running.
        let _ = tokio::time::timeout(self.config.deadline(), indexing).await;
    }
}

/// The article, fit to be kept, with its language.
pub(crate) fn checked(article: NewArticle) -> Result<NewArticle, KnowledgeError> {
    let mut article = article.validate().map_err(KnowledgeError::Invalid)?;
    check_words(&article.body)?;
    if article.language.is_none() {
        let text = format!("{}\n{}", article.title, markdown::to_plain(&article.body));
        article.language = language::detect(&text).map(str::to_owned);
    }
    Ok(article)
}

/// Refuses a body that shows a reader nothing, such as a comment alone.
fn check_words(body: &str) -> Result<(), KnowledgeError> {
    if markdown::shows_words(body) {
        return Ok(());
    }
    Err(refused("body", "shows no words to a reader"))
}

pub(crate) fn refused(field: &str, message: &str) -> KnowledgeError {
    KnowledgeError::Invalid(vec![FieldError::new(field, FieldCode::Empty, message)])
}
