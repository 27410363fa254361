//! Articles for what someone has typed so far: by the words of their titles and headings, then by meaning.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use desk::Article;
use store::ArticleHead;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Knowledge;
use crate::error::KnowledgeError;
use crate::find::Question;
use crate::span::{Span, in_characters};
use crate::titles::{TitleHit, Titles};
use crate::typed::{self, Typed};

/// How old the known titles may be where another process writes articles.
const TITLES_AGE: Duration = Duration::from_secs(1);
/// How far back changes are looked for each time: clocks of processes differ, and what was begun is committed later.
const LOOK_BACK: Duration = Duration::from_secs(60);
/// Articles read at once.
const ROWS: u32 = 64;
/// Lines asked for beyond those wanted, because rows may say that an article is gone.
const SPARE: usize = 8;
/// Letters and digits below which the meaning of what was typed is a guess.
const MEANING_CHARS: usize = 4;

/// An article that may be what someone is typing.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantHit {
    /// The article as it is now.
    pub article: ArticleHead,
    /// The heading in it; none where the whole article is meant.
    pub heading: Option<String>,
    /// Why it is here.
    pub by: Likeness,
    /// Where the title has what was typed.
    pub title_highlights: Vec<Span>,
    /// Where the heading has what was typed.
    pub heading_highlights: Vec<Span>,
}

/// What an article has in common with what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Words of its title.
    Title,
    /// Words of a heading.
    Heading,
    /// What it says.
    Meaning,
}

/// The titles of all articles and how far they have been followed.
#[derive(Default)]
pub(crate) struct KnownTitles {
    titles: std::sync::RwLock<Titles>,
    /// When they were last read; none before the first time. Held while they are read.
    read_at: tokio::sync::Mutex<Option<ReadAt>>,
    /// Whether all of them have been read once.
    complete: AtomicBool,
}

/// When the titles were read: by a clock that nobody sets, for their age, and by the clock of the rows.
#[derive(Debug, Clone, Copy)]
struct ReadAt {
    instant: Instant,
    time: OffsetDateTime,
}

impl ReadAt {
    fn now() -> Self {
        ReadAt {
            instant: Instant::now(),
            time: store::now(),
        }
    }

    /// From when on changes are to be read by `now`; none where the titles are young enough. A clock that was set back
    /// is followed back.
    fn changed_since(&self, now: &ReadAt) -> Option<OffsetDateTime> {
        let is_old = now.instant.duration_since(self.instant) >= TITLES_AGE;
        is_old.then(|| self.time.min(now.time) - LOOK_BACK)
    }
}

impl KnownTitles {
    /// Whether all of them have been read once.
    pub fn are_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// Takes an article in as it is now.
    pub fn put(&self, article: &Article) {
        self.titles.write().unwrap_or_else(PoisonError::into_inner).put(article);
    }

    fn read<T>(&self, look: impl FnOnce(&Titles) -> T) -> T {
        look(&self.titles.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Knowledge {
    /// Up to `question.limit` articles for what was typed so far, best first; the last word may be the beginning of
    /// one. Titles and headings come first, and what the knowledge base answers by meaning fills the rest, where that
    /// is known in time. Dropping the future stops the work.
    ///
    /// **Errors:** a question that cannot be asked; the store is out of reach. An encoder or index that is busy or out
    /// of reach leaves the titles.
    pub async fn instant(&self, question: &Question) -> Result<Vec<InstantHit>, KnowledgeError> {
        question.check()?;
        self.follow_titles().await?;
        let typed = Typed::of(&question.text);
        let (hits, words) = self
            .titles
            .read(|titles| titles.look_up(&typed, question, question.limit + SPARE));
        let mut found = self.confirmed(question, hits, &words).await?;
        if found.len() < question.limit {
            let meant = self.by_meaning(question, &typed).await;
            let known: HashSet<Uuid> = found.iter().map(|suggestion| suggestion.article.id).collect();
            found.extend(meant.into_iter().filter(|one| !known.contains(&one.article.id)));
        }
        found.truncate(question.limit);
        Ok(found)
    }

    /// Brings the titles up to what the store says, where that was not done a moment ago.
    ///
    /// **Errors:** the store is out of reach.
    pub(crate) async fn follow_titles(&self) -> Result<(), KnowledgeError> {
        let mut read_at = match self.titles.read_at.try_lock() {
            Ok(read_at) => read_at,
            // Someone reads what is new; what is known is good enough meanwhile.
            Err(_) if self.titles.are_complete() => return Ok(()),
            Err(_) => self.titles.read_at.lock().await,
        };
        let now = ReadAt::now();
        match read_at.as_ref().map(|before| before.changed_since(&now)) {
            Some(None) => return Ok(()),
            Some(Some(since)) => self.read_changed_titles(since).await?,
            None => self.read_all_titles().await?,
        }
        *read_at = Some(now);
        self.titles.complete.store(true, Ordering::Release);
        Ok(())
    }

    async fn read_all_titles(&self) -> Result<(), KnowledgeError> {
        let mut after = None;
        loop {
            let articles = self.store.articles_after(after, ROWS).await?;
            let Some(last) = articles.last() else { return Ok(()) };
            after = Some(last.id);
            articles.iter().for_each(|article| self.titles.put(article));
        }
    }

    async fn read_changed_titles(&self, since: OffsetDateTime) -> Result<(), KnowledgeError> {
        let changed = self.store.articles_changed_since(since).await?;
        let news: Vec<Uuid> = self.titles.read(|titles| {
            let is_new = |(id, version): &(Uuid, i64)| titles.version(*id).is_none_or(|known| known < *version);
            changed.into_iter().filter(is_new).map(|(id, _)| id).collect()
        });
        for ids in news.chunks(ROWS as usize) {
            let articles = self.store.get_articles(ids).await?;
            articles.iter().for_each(|article| self.titles.put(article));
        }
        Ok(())
    }

    /// The lines whose articles still say so and may be read: the titles in memory are only believed as to the words.
    async fn confirmed(
        &self,
        question: &Question,
        hits: Vec<TitleHit>,
        words: &HashMap<String, usize>,
    ) -> Result<Vec<InstantHit>, KnowledgeError> {
        let ids: Vec<Uuid> = hits.iter().map(|hit| hit.article).collect();
        let heads = self.store.get_article_heads(&ids).await?;
        let mut heads: HashMap<Uuid, ArticleHead> = heads.into_iter().map(|head| (head.id, head)).collect();
        let suggestion = |hit: TitleHit| {
            let head = heads.remove(&hit.article)?;
            let may_read = !head.archived && question.visibility.contains(&head.visibility);
            (may_read && head.version == hit.version).then(|| InstantHit::by_words(head, hit.heading, words))
        };
        Ok(hits.into_iter().filter_map(suggestion).collect())
    }

    /// What the knowledge base answers to the words that are finished; nothing where that cannot be known in time.
    async fn by_meaning(&self, question: &Question, typed: &Typed) -> Vec<InstantHit> {
        let goes_on = self.titles.read(|titles| titles.will_go_on(typed, question));
        let text = if goes_on {
            typed.before_last(&question.text)
        } else {
            question.text.as_str()
        };
        if text.chars().filter(|c| c.is_alphanumeric()).count() < MEANING_CHARS {
            return Vec::new();
        }
        let asked = Question {
            text: text.to_owned(),
            ..question.clone()
        };
        match tokio::time::timeout(self.config.instant_deadline(), self.find(&asked)).await {
            Ok(Ok(answer)) => InstantHit::by_meaning(answer.passages),
            Ok(Err(error)) => {
                tracing::debug!(error = %error.chain(), "as-you-type search has titles alone");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }
}

impl InstantHit {
    fn by_words(article: ArticleHead, heading: Option<String>, words: &HashMap<String, usize>) -> Self {
        let spans = |text: &str| in_characters(text, typed::marks(text, words));
        InstantHit {
            title_highlights: spans(&article.title),
            heading_highlights: heading.as_deref().map(spans).unwrap_or_default(),
            by: if heading.is_some() {
                Likeness::Heading
            } else {
                Likeness::Title
            },
            article,
            heading,
        }
    }

    /// The first passage of each article.
    fn by_meaning(passages: Vec<crate::Found>) -> Vec<Self> {
        let mut seen = HashSet::new();
        let first = passages.into_iter().filter(|found| seen.insert(found.article.id));
        first
            .map(|found| InstantHit {
                article: found.article.into(),
                heading: found.passage.headings.last().cloned(),
                by: Likeness::Meaning,
                title_highlights: Vec::new(),
                heading_highlights: Vec::new(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: &ReadAt, elapsed: Duration, clock: time::Duration) -> ReadAt {
        ReadAt {
            instant: start.instant + elapsed,
            time: start.time + clock,
        }
    }

    #[test]
    fn titles_are_read_again_after_a_while_whatever_the_clock_says() {
        let start = ReadAt::now();
        let young = after(&start, TITLES_AGE / 2, time::Duration::hours(1));
        assert_eq!(start.changed_since(&young), None);
        let old = after(&start, TITLES_AGE, time::Duration::seconds(1));
        assert_eq!(start.changed_since(&old), Some(start.time - LOOK_BACK));
        let set_back = after(&start, TITLES_AGE, -time::Duration::hours(1));
        assert_eq!(start.changed_since(&set_back), Some(set_back.time - LOOK_BACK));
    }
}
