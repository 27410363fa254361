//! From an article's latest version to the index; what a crash or a missing dependency left behind is taken up again.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use desk::{Article, Passage};
use encoder::Side;
use search::{Point, Rebuild};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::error::KnowledgeError;
use crate::index::{self, PASSAGES};
use crate::{Knowledge, cut};

/// Texts embedded at once.
const BATCH: usize = 32;
/// Articles read at once.
const ROWS: u32 = 64;
/// Tokens a passage may have at least, however long its title is.
const FEWEST_TOKENS: usize = 48;

impl Knowledge {
    /// Brings the index up to an article's latest version; whether that version was still the latest at the end.
    /// Only passages whose content changed are embedded.
    ///
    /// **Errors:** the encoder, the index or the store is out of reach; the article stays waiting.
    pub async fn index_article(&self, article: &Article) -> Result<bool, KnowledgeError> {
        let _turn = self.indexing.lock().await;
        let passages = self.passages(article);
        let kept = self.store.passages_of(article.id).await?;
        let indexed: HashSet<Uuid> = kept.iter().map(|passage| passage.id).collect();
        let changed: Vec<&Passage> = passages.iter().filter(|one| !indexed.contains(&one.id)).collect();
        let points = self.points(article, &changed).await?;
        self.search.upsert(PASSAGES, &points).await?;
        if !self
            .store
            .record_passages(article.id, article.version, &passages)
            .await?
        {
            return Ok(false);
        }
        let wanted: HashSet<Uuid> = passages.iter().map(|passage| passage.id).collect();
        let gone: Vec<Uuid> = indexed.difference(&wanted).copied().collect();
        self.search.delete(PASSAGES, &gone).await?;
        self.recent.forget();
        tracing::info!(
            article.id = %article.id,
            article.version = article.version,
            passages = passages.len(),
            embedded = points.len(),
            "an article is indexed"
        );
        Ok(true)
    }

    /// Indexes articles that wait; how many there were.
    ///
    /// **Errors:** as of [`Knowledge::index_article`].
    pub async fn sweep(&self) -> Result<usize, KnowledgeError> {
        let waiting = self.store.articles_to_index(ROWS).await?;
        for article in &waiting {
            self.index_article(article).await?;
        }
        Ok(waiting.len())
    }

    /// Sweeps until told to stop: at once while there is work, else at the configured interval. An index that has
    /// vanished or lost passages is built anew.
    pub async fn run_sweeper(self: Arc<Self>, stop: impl Future<Output = ()>) {
        if let Err(error) = self.follow_titles().await {
            tracing::warn!(error = %error.chain(), "the titles are read when they are asked for");
        }
        let mut tick = tokio::time::interval(self.config.sweep_interval());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = tick.tick() => {}
            }
            if let Err(error) = self.keep_up().await {
                tracing::warn!(error = %error.chain(), "articles wait for the index");
            }
        }
    }

    async fn keep_up(&self) -> Result<(), KnowledgeError> {
        self.mend().await?;
        while self.sweep().await? > 0 {}
        Ok(())
    }

    /// Builds the index anew where it does not hold what the store says; whether it did.
    ///
    /// **Errors:** as of [`Knowledge::reindex`].
    pub async fn mend(&self) -> Result<bool, KnowledgeError> {
        self.ensure_index().await?;
        let wanted = self.store.count_passages().await?;
        let held = self.search.count(PASSAGES, &search::Filter::default()).await?;
        // More than wanted is what a crash left; it is found by nobody, because its rows are gone.
        if held as i64 >= wanted {
            return Ok(false);
        }
        tracing::warn!(held, wanted, "the index has lost passages and is built anew");
        self.reindex(|_| {}).await?;
        Ok(true)
    }

    /// Builds the index of all articles beside the one that serves, switches over at the end, and says how many
    /// passages it holds.
    ///
    /// **Errors:** the store, the encoder or the index is out of reach; the old index goes on serving.
    pub async fn reindex(&self, mut progress: impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let _turn = self.indexing.lock().await;
        let rebuild = self.search.begin_rebuild(PASSAGES).await?;
        match self.fill(&rebuild, &mut progress).await {
            Ok(held) => {
                rebuild.finish().await?;
                self.recent.forget();
                Ok(held)
            }
            Err(error) => {
                // The first error is the one to report; a leftover is cleared by the next rebuild anyway.
                let _ = rebuild.give_up().await;
                Err(error)
            }
        }
    }

    async fn fill(&self, rebuild: &Rebuild, progress: &mut impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let (mut held, mut after) = (0, None);
        loop {
            let articles = self.store.articles_after(after, ROWS).await?;
            let Some(last) = articles.last() else { return Ok(held) };
            after = Some(last.id);
            for article in &articles {
                let passages = self.passages(article);
                rebuild
                    .add(&self.points(article, &passages.iter().collect::<Vec<_>>()).await?)
                    .await?;
                // A version that is no longer the latest waits for the sweeper.
                self.store
                    .record_passages(article.id, article.version, &passages)
                    .await?;
                held += passages.len() as u64;
                progress(held);
            }
        }
    }

    /// The passages of an article; none where it is put away.
    fn passages(&self, article: &Article) -> Vec<Passage> {
        if article.fields.archived {
            return Vec::new();
        }
        let title = self.count(&article.fields.title);
        let budget = self.config.passage_tokens.saturating_sub(title).max(FEWEST_TOKENS);
        index::passages(article, cut::cut(&article.fields.body, budget, |text| self.count(text)))
    }

    fn count(&self, text: &str) -> usize {
        // A text the tokenizer refuses counts by its characters, four to a token.
        let counted = self.encoder.count_tokens(&[text.to_owned()]);
        counted.unwrap_or_else(|_| text.chars().count() / 4)
    }

    /// The points of these passages. Passages that read alike are embedded once.
    async fn points(&self, article: &Article, passages: &[&Passage]) -> Result<Vec<Point>, KnowledgeError> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        let title = article.fields.title.as_str();
        let read = |passage: &Passage| index::readable(title, &passage.headings, &passage.text);
        let texts: HashSet<String> = passages
            .iter()
            .map(|passage| read(passage))
            .chain([title.to_owned()])
            .collect();
        let vectors = self.embed(texts.into_iter().collect()).await?;
        let of = |text: &str| vectors.get(text).cloned().unwrap_or_default();
        let point = |passage: &&Passage| index::point(article, passage, of(&read(passage)), of(title));
        Ok(passages.iter().map(point).collect())
    }

    async fn embed(&self, texts: Vec<String>) -> Result<HashMap<String, Vec<f32>>, KnowledgeError> {
        let mut vectors = HashMap::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let embedded = self.encoder.embed(batch.to_vec(), Side::Passage).await?;
            vectors.extend(batch.iter().cloned().zip(embedded));
        }
        Ok(vectors)
    }
}
