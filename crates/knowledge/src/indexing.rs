//! From an article's latest version to the index; what a crash or a missing dependency left behind is taken up again.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use desk::{Article, Passage};
use encoder::Side;
use search::{Point, Rebuild, Search};
use time::OffsetDateTime;
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
/// How long a rebuild waits where the encoder has too much to do.
const BUSY_WAIT: Duration = Duration::from_millis(200);
/// How far back a rebuild looks for what others wrote meanwhile: clocks differ, and what was begun is committed later.
const LOOK_BACK: Duration = Duration::from_secs(60);

impl Knowledge {
    /// Brings the index up to an article's latest version; whether that version was still the latest at the end.
    /// Only passages whose content changed are embedded.
    ///
    /// **Errors:** the encoder, the index or the store is out of reach; the article stays waiting.
    pub async fn index_article(&self, article: &Article) -> Result<bool, KnowledgeError> {
        let _turn = self.indexing.lock().await;
        let passages = self.passages(article);
        let kept = ids(&self.store.passages_of(article.id).await?);
        let known = self.known(&passages, &kept).await?;
        let changed: Vec<&Passage> = passages.iter().filter(|one| !known.contains(&one.id)).collect();
        let points = self.points(article, &changed).await?;
        self.search.upsert(PASSAGES, &points).await?;
        if !self
            .store
            .record_passages(article.id, article.version, &passages)
            .await?
        {
            self.take_back(article.id, &points).await?;
            return Ok(false);
        }
        let gone: Vec<Uuid> = kept.difference(&ids(&passages)).copied().collect();
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

    /// Which of these passages need not be embedded: the index has them, and so will one that is built beside it. What
    /// the rows say is not enough, for a crash or another process may have come between.
    async fn known(&self, passages: &[Passage], kept: &HashSet<Uuid>) -> Result<HashSet<Uuid>, KnowledgeError> {
        let wanted: Vec<Uuid> = passages.iter().map(|passage| passage.id).collect();
        let stored = self.search.stored(PASSAGES, &wanted).await?;
        let mut known: HashSet<Uuid> = stored.into_iter().map(|stored| stored.id).collect();
        // A rebuild adds what the rows say; what else this index has is not sure to be in the next one.
        if self.is_building.load(Ordering::Acquire) {
            known.retain(|id| kept.contains(id));
        }
        Ok(known)
    }

    /// Takes out of the index what was put there for a version that is no longer the latest, except what the rows or
    /// the latest version have too.
    async fn take_back(&self, article: Uuid, points: &[Point]) -> Result<(), KnowledgeError> {
        let mut wanted = ids(&self.store.passages_of(article).await?);
        if let Some(latest) = self.store.get_article(article).await? {
            wanted.extend(ids(&self.passages(&latest)));
        }
        let unwanted: Vec<Uuid> = points
            .iter()
            .map(|point| point.id)
            .filter(|id| !wanted.contains(id))
            .collect();
        Ok(self.search.delete(PASSAGES, &unwanted).await?)
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
        // One is under way.
        let Ok(_turn) = self.rebuilding.try_lock() else {
            return Ok(false);
        };
        tracing::warn!(held, wanted, "the index has lost passages and is built anew");
        self.rebuild(&mut |_| {}).await?;
        Ok(true)
    }

    /// Builds the index of all articles beside the one that serves, switches over at the end, and says how many
    /// passages it holds. Articles are written and found meanwhile; those that are cut otherwise than before are found
    /// again once their rows say so too.
    ///
    /// **Errors:** the store, the encoder or the index is out of reach; the old index goes on serving, or where the new
    /// one serves already, what remains to be done waits for the sweeper.
    pub async fn reindex(&self, mut progress: impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let _turn = self.rebuilding.lock().await;
        self.rebuild(&mut progress).await
    }

    async fn rebuild(&self, progress: &mut impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        self.is_building.store(true, Ordering::Release);
        let built = self.build(progress).await;
        self.is_building.store(false, Ordering::Release);
        let held = built?;
        while self.sweep().await? > 0 {}
        Ok(held)
    }

    async fn build(&self, progress: &mut impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let began = store::now();
        let rebuild = self.search.begin_rebuild(PASSAGES).await?;
        match self.fill(&rebuild, progress).await {
            Ok(held) => {
                rebuild.finish().await?;
                self.recent.forget();
                self.index_what_others_wrote(began - LOOK_BACK).await?;
                Ok(held)
            }
            Err(error) => {
                // The first error is the one to report; a leftover is cleared by the next rebuild anyway.
                let _ = rebuild.give_up().await;
                Err(error)
            }
        }
    }

    /// Adds every article to the index in the making. The rows stay as they are: they speak of the index that serves,
    /// and go on doing so when this one comes to nothing. Articles whose rows must change with the switch wait from
    /// here on, so that whatever stops the rebuild, they are brought up to the index that serves then.
    async fn fill(&self, rebuild: &Rebuild, progress: &mut impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let (mut held, mut after, mut cut_anew) = (0, None, Vec::new());
        loop {
            // Held for one article at a time, so that writes come in between; read within the turn, so that it is no
            // older than what they indexed.
            let _turn = self.indexing.lock().await;
            let Some(article) = self.store.articles_after(after, 1).await?.pop() else {
                break;
            };
            after = Some(article.id);
            let passages = self.passages(&article);
            let points = self.points_patiently(&article, &passages).await?;
            rebuild.add(&points).await?;
            if ids(&passages) != ids(&self.store.passages_of(article.id).await?) {
                cut_anew.push(article.id);
            }
            held += passages.len() as u64;
            progress(held);
        }
        self.store.index_again(&cut_anew).await?;
        Ok(held)
    }

    /// As [`Self::points`], waiting where the encoder has too much to do.
    async fn points_patiently(&self, article: &Article, passages: &[Passage]) -> Result<Vec<Point>, KnowledgeError> {
        let passages: Vec<&Passage> = passages.iter().collect();
        loop {
            match self.points(article, &passages).await {
                Err(KnowledgeError::Encode(encoder::EncoderError::Busy)) => tokio::time::sleep(BUSY_WAIT).await,
                points => return points,
            }
        }
    }

    /// Lets articles that changed since a time wait: on a server that other processes share, what they wrote to the old
    /// index is not in the new one.
    async fn index_what_others_wrote(&self, since: OffsetDateTime) -> Result<(), KnowledgeError> {
        if !matches!(self.search, Search::Server(_)) {
            return Ok(());
        }
        let changed = self.store.articles_changed_since(since).await?;
        let changed: Vec<Uuid> = changed.into_iter().map(|(id, _)| id).collect();
        Ok(self.store.index_again(&changed).await?)
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

fn ids(passages: &[Passage]) -> HashSet<Uuid> {
    passages.iter().map(|passage| passage.id).collect()
}
