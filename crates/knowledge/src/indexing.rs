//! From an article's latest version to the index; what a crash or a missing dependency left behind is taken up again.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use desk::{Article, Passage};
use encoder::{Encoder, Side};
use search::{Point, Rebuild, Search};
use store::Turn;
use time::OffsetDateTime;
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
/// Name of the turn to build the index anew, which servers that share it take one at a time. **Persisted**.
const TURN: &str = "knowledge.reindex.turn";
/// How long a server that died with the turn holds the others up.
const TURN_LEASE: Duration = Duration::from_secs(15);
/// How often a turn that somebody has is looked at.
const TURN_LOOK: Duration = Duration::from_secs(1);
/// How far back a rebuild looks for what others wrote meanwhile: clocks differ, and what was begun is committed later.
const LOOK_BACK: Duration = Duration::from_secs(60);

/// Says that an index is built beside the one that serves, for as long as it is there.
struct Building<'k>(&'k AtomicBool);

impl<'k> Building<'k> {
    fn begin(is_building: &'k AtomicBool) -> Self {
        is_building.store(true, Ordering::Release);
        Building(is_building)
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Knowledge {
    /// Brings the index up to an article's latest version; whether that version was still the latest at the end.
    /// Only passages whose content changed are embedded. One that the encoder cannot take is left out, of the rows too:
    /// the article has the others.
    ///
    /// **Errors:** the encoder, the index or the store is out of reach; the article stays waiting.
    pub async fn index_article(&self, article: &Article) -> Result<bool, KnowledgeError> {
        let _turn = self.indexing.lock().await;
        let passages = self.passages(article).await?;
        let kept = ids(&self.store.passages_of(article.id).await?);
        let known = self.known(&passages, &kept).await?;
        let changed: Vec<&Passage> = passages.iter().filter(|one| !known.contains(&one.id)).collect();
        let points = self.points(article, &changed).await?;
        if !points.is_empty() {
            self.search.upsert(PASSAGES, &points).await?;
        }
        let embedded: HashSet<Uuid> = points.iter().map(|point| point.id).collect();
        let is_indexed = |one: &Passage| known.contains(&one.id) || embedded.contains(&one.id);
        let passages: Vec<Passage> = passages.into_iter().filter(is_indexed).collect();
        let gone: Vec<Uuid> = kept.difference(&ids(&passages)).copied().collect();
        if !self.put_in_force(article, &passages, &gone).await? {
            self.take_back(article.id, &points).await?;
            return Ok(false);
        }
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

    /// Takes out of the index what is gone, and has the rows name exactly these passages; whether the version is still
    /// the latest, without which neither is done. The rows come last: until then they name what is gone and the article
    /// waits, so that whatever fails in between is done by the next attempt.
    async fn put_in_force(
        &self,
        article: &Article,
        passages: &[Passage],
        gone: &[Uuid],
    ) -> Result<bool, KnowledgeError> {
        let latest = self.store.get_article(article.id).await?;
        if latest.is_none_or(|latest| latest.version != article.version) {
            return Ok(false);
        }
        self.search.delete(PASSAGES, gone).await?;
        let recorded = self.store.record_passages(article.id, article.version, passages);
        Ok(recorded.await?)
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
            wanted.extend(ids(&self.passages(&latest).await?));
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

    /// Indexes all articles that wait. An index that has vanished, lost passages or kept old ones is built anew.
    ///
    /// **Errors:** as of [`Knowledge::index_article`]; what waits the next call takes up.
    pub async fn keep_up(&self) -> Result<(), KnowledgeError> {
        // So that whoever types first need not wait for all of them.
        if !self.titles.are_complete()
            && let Err(error) = self.follow_titles().await
        {
            tracing::warn!(error = %error.chain(), "the titles are read when they are asked for");
        }
        self.mend().await?;
        while self.sweep().await? > 0 {}
        Ok(())
    }

    /// Builds the index anew where it does not hold what the store says and no other server is at it; whether it did.
    ///
    /// **Errors:** as of [`Knowledge::reindex`].
    pub async fn mend(&self) -> Result<bool, KnowledgeError> {
        self.ensure_index().await?;
        if self.is_at_one().await? {
            return Ok(false);
        }
        let Some(turn) = self.store.begin_turn(TURN, TURN_LEASE).await? else {
            return Ok(false);
        };
        let mending = async {
            // Another server may have mended it between the look and the turn.
            if self.is_at_one().await? {
                return Ok(false);
            }
            tracing::warn!("the index has lost passages or kept old ones and is built anew");
            self.rebuild(&mut |_| {}).await?;
            Ok(true)
        };
        turn.hold(mending).await.unwrap_or(Ok(false))
    }

    /// Whether the index holds as many passages as the rows name. Fewer are never right; more are only while an article
    /// waits. Otherwise a crash left them, and nobody is shown them, but they take up places among what is found.
    async fn is_at_one(&self) -> Result<bool, KnowledgeError> {
        // Looked at first: what is indexed after it was asked is in neither number.
        let is_settled = self.store.articles_to_index(1).await?.is_empty();
        let wanted = self.store.count_passages().await?;
        let held = self.search.count(PASSAGES, &search::Filter::default()).await? as i64;
        Ok(held == wanted || (held > wanted && !is_settled))
    }

    /// Builds the index of all articles beside the one that serves, switches over at the end, and says how many
    /// passages it holds. Articles are written and found meanwhile; those that are cut otherwise than before are found
    /// again once their rows say so too. Waits for whoever builds it already, in this process or another.
    ///
    /// **Errors:** the store, the encoder or the index is out of reach; the old index goes on serving, or where the new
    /// one serves already, what remains to be done waits for the sweeper.
    pub async fn reindex(&self, mut progress: impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let turn = self.turn_to_rebuild().await?;
        let lost = || search::Error::RebuildGivenUp {
            collection: PASSAGES.to_owned(),
        };
        let rebuilt = turn.hold(self.rebuild(&mut progress)).await;
        rebuilt.unwrap_or_else(|| Err(lost().into()))
    }

    async fn turn_to_rebuild(&self) -> Result<Turn, KnowledgeError> {
        loop {
            if let Some(turn) = self.store.begin_turn(TURN, TURN_LEASE).await? {
                return Ok(turn);
            }
            tokio::time::sleep(TURN_LOOK).await;
        }
    }

    /// Must be called by whoever has the turn.
    async fn rebuild(&self, progress: &mut impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let building = Building::begin(&self.is_building);
        let held = self.build(progress).await?;
        drop(building);
        while self.sweep().await? > 0 {}
        Ok(held)
    }

    async fn build(&self, progress: &mut impl FnMut(u64)) -> Result<u64, KnowledgeError> {
        let began = store::now();
        let fill = async |rebuild: &Rebuild| self.fill(rebuild, progress).await;
        let held = self.search.rebuild_with(PASSAGES, fill).await?;
        self.recent.forget();
        self.index_what_others_wrote(began - LOOK_BACK).await?;
        Ok(held)
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
            let passages = self.passages(&article).await?;
            let points = self.points(&article, &passages.iter().collect::<Vec<_>>()).await?;
            rebuild.add(&points).await?;
            let added: HashSet<Uuid> = points.iter().map(|point| point.id).collect();
            if added != ids(&self.store.passages_of(article.id).await?) {
                cut_anew.push(article.id);
            }
            held += points.len() as u64;
            progress(held);
        }
        self.store.index_again(&cut_anew).await?;
        Ok(held)
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

    /// The passages of an article; none where it is put away. All of it is made into tokens, for which nobody else
    /// should wait.
    async fn passages(&self, article: &Article) -> Result<Vec<Passage>, KnowledgeError> {
        if article.fields.archived {
            return Ok(Vec::new());
        }
        let (encoder, article, most) = (self.encoder.clone(), article.clone(), self.config.passage_tokens);
        Ok(tokio::task::spawn_blocking(move || passages(&encoder, &article, most)).await?)
    }

    /// The points of these passages, except of those that the encoder cannot take. Passages that read alike are embedded
    /// once.
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
        let vectors = self.vectors(article.id, texts.into_iter().collect()).await?;
        let point = |passage: &&Passage| {
            let vector = vectors.get(&read(passage))?.clone();
            Some(index::point(article, passage, vector, vectors.get(title).cloned()))
        };
        Ok(passages.iter().filter_map(point).collect())
    }

    /// The vectors of an article's texts, each by its text; none of a text that the encoder cannot take.
    async fn vectors(&self, article: Uuid, texts: Vec<String>) -> Result<HashMap<String, Vec<f32>>, KnowledgeError> {
        let mut vectors = HashMap::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let embedded = self.encoder.embed_patiently(batch.to_vec(), Side::Passage).await?;
            for (text, vector) in batch.iter().zip(embedded) {
                match vector {
                    Ok(vector) => drop(vectors.insert(text.clone(), vector)),
                    Err(error) => {
                        tracing::warn!(article.id = %article, error = %error, "a passage or title cannot be embedded and is left out");
                    }
                }
            }
        }
        Ok(vectors)
    }
}

/// The passages of an article, of at most so many tokens with its title.
fn passages(encoder: &Encoder, article: &Article, most: usize) -> Vec<Passage> {
    let title = tokens(encoder, &article.fields.title);
    let budget = most.saturating_sub(title).max(FEWEST_TOKENS);
    let pieces = cut::cut(&article.fields.body, budget, |text| tokens(encoder, text));
    index::passages(article, pieces)
}

fn tokens(encoder: &Encoder, text: &str) -> usize {
    // A text the tokenizer refuses counts by its characters, four to a token.
    let counted = encoder.count_tokens(&[text.to_owned()]);
    counted.unwrap_or_else(|_| text.chars().count() / 4)
}

fn ids(passages: &[Passage]) -> HashSet<Uuid> {
    passages.iter().map(|passage| passage.id).collect()
}
