//! What is looked for and what is said of the answers: kept behind the search's back, without personal data.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use desk::{ArticleVisibility, FieldCode, FieldError, SearchFeedback, SearchInsight, SearchOutcome, SearchRecord};
use store::{InsightFilter, Page, PageRequest, Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::Knowledge;
use crate::anonymous::without_personal_data;
use crate::error::KnowledgeError;
use crate::find::{Answer, Question};

/// Searches that may wait to be written; more are let go.
const QUEUE: usize = 4_096;
/// Searches written in one transaction.
const GROUP: usize = 256;
/// How often a group is tried that cannot be written.
const ATTEMPTS: u32 = 3;
/// How long to wait before it is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// The queue of searches and the task that writes them.
pub(crate) struct SearchLog {
    notes: mpsc::Sender<Note>,
    let_go: Arc<AtomicU64>,
}

enum Note {
    Search(SearchRecord),
    /// Answered when everything before it is written or given up.
    Flush(oneshot::Sender<()>),
}

/// Writes groups of searches.
struct Writer {
    store: Store,
    let_go: Arc<AtomicU64>,
}

impl SearchLog {
    /// A log over the store. Must be called within a tokio runtime.
    pub fn start(store: Store) -> Self {
        let (notes, inbox) = mpsc::channel(QUEUE);
        let let_go = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            store,
            let_go: Arc::clone(&let_go),
        };
        tokio::spawn(writer.run(inbox));
        SearchLog { notes, let_go }
    }

    /// Notes a search; never waits. Where too many wait already it is let go and counted as such.
    pub fn note(&self, search: SearchRecord) {
        if self.notes.try_send(Note::Search(search)).is_err() {
            self.let_go.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything noted so far is written or given up.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.notes.send(Note::Flush(done)).await.is_ok() {
            // An error means that the writer has ended: nothing is left to wait for.
            let _ended = flushed.await;
        }
    }
}

impl Writer {
    /// Writes what comes until nobody can note anything any more.
    async fn run(self, mut inbox: mpsc::Receiver<Note>) {
        let mut waiting = Vec::with_capacity(GROUP);
        while inbox.recv_many(&mut waiting, GROUP).await > 0 {
            let (mut searches, mut flushes) = (Vec::new(), Vec::new());
            for note in waiting.drain(..) {
                match note {
                    Note::Search(search) => searches.push(search),
                    Note::Flush(done) => flushes.push(done),
                }
            }
            if !searches.is_empty() {
                self.write(&searches).await;
            }
            for done in flushes {
                // Whoever was dropped meanwhile does not wait.
                let _left = done.send(());
            }
        }
    }

    async fn write(&self, searches: &[SearchRecord]) {
        let let_go = self.let_go.swap(0, Ordering::Relaxed);
        if let_go > 0 {
            tracing::warn!(searches = let_go, "searches came faster than they could be kept");
        }
        for attempt in 1..=ATTEMPTS {
            match self.store.record_searches(searches).await {
                Ok(()) => return,
                Err(error) if attempt == ATTEMPTS => given_up(&error, searches.len()),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

fn given_up(error: &StoreError, searches: usize) {
    tracing::warn!(error = %error, searches, "searches could not be kept");
}

impl Knowledge {
    /// Notes a search and its answer for insights and feedback, and gives it a name. Never waits and never fails: what
    /// cannot be kept is let go.
    pub fn note(&self, question: &Question, answer: &Answer) -> Uuid {
        let id = Uuid::now_v7();
        let query = without_personal_data(&question.text);
        self.log.note(SearchRecord {
            id,
            // Of what is kept, so that every spelling of a question counts as one.
            language: language::detect(&query).map(str::to_owned),
            query,
            outcome: answer.outcome(),
            probability: answer.probability,
            is_open: question.tags.is_empty() && !question.visibility.contains(&ArticleVisibility::Draft),
            created_at: store::now(),
        });
        id
    }

    /// Forgets searches, and counts of those that were not answered, that are older than they are kept.
    ///
    /// **Errors:** the store's.
    pub async fn forget_searches(&self) -> Result<(), KnowledgeError> {
        let now = store::now();
        let counted_before = (now - self.config.counts_kept()).date();
        self.store
            .forget_searches(now - self.config.searches_kept(), counted_before)
            .await?;
        Ok(())
    }

    /// Queries that nothing answered, or not well, those most often asked first.
    ///
    /// **Errors:** the store's.
    pub async fn insights(
        &self,
        filter: &InsightFilter<'_>,
        page: &PageRequest,
    ) -> Result<Page<SearchInsight>, KnowledgeError> {
        self.log.flush().await;
        Ok(self.store.list_search_insights(filter, page).await?)
    }

    /// Keeps what someone who may read `readable` says of an answer, in the place of what was said of it before.
    ///
    /// **Errors:** a search, article or passage that is not known, each named; the store is out of reach.
    pub async fn give_feedback(
        &self,
        feedback: SearchFeedback,
        readable: &[ArticleVisibility],
    ) -> Result<(), KnowledgeError> {
        self.log.flush().await;
        let mut unknown = Vec::new();
        if !self.store.is_search_known(feedback.search_id).await? {
            unknown.push(of_nothing("search_id", "names no search of the last days"));
        }
        let article = match feedback.article_id {
            Some(id) => self.readable_article(id, readable).await?,
            None => None,
        };
        if feedback.article_id.is_some() && article.is_none() {
            unknown.push(of_nothing(
                "article_id",
                "names no article that can be read with this token",
            ));
        }
        let of_passage = match feedback.passage_id {
            Some(id) => self.article_of_passage(id, readable).await?,
            None => None,
        };
        let fits = of_passage.is_some() && (feedback.article_id.is_none() || feedback.article_id == of_passage);
        if feedback.passage_id.is_some() && !fits {
            unknown.push(of_nothing(
                "passage_id",
                "names no passage of this article as it is now",
            ));
        }
        if !unknown.is_empty() {
            return Err(KnowledgeError::Invalid(unknown));
        }
        let article_id = feedback.article_id.or(of_passage);
        let feedback = SearchFeedback { article_id, ..feedback };
        self.store.record_feedback(&feedback).await?;
        Ok(())
    }

    async fn readable_article(&self, id: Uuid, readable: &[ArticleVisibility]) -> Result<Option<Uuid>, KnowledgeError> {
        let heads = self.store.get_article_heads(&[id]).await?;
        let can_be_read = heads
            .iter()
            .any(|head| !head.archived && readable.contains(&head.visibility));
        Ok(can_be_read.then_some(id))
    }

    async fn article_of_passage(
        &self,
        id: Uuid,
        readable: &[ArticleVisibility],
    ) -> Result<Option<Uuid>, KnowledgeError> {
        let found = self.store.get_passages(&[id]).await?;
        let may_read =
            |article: &desk::Article| !article.fields.archived && readable.contains(&article.fields.visibility);
        let of = found.into_iter().find(|(_, article)| may_read(article));
        Ok(of.map(|(_, article)| article.id))
    }
}

impl Answer {
    fn outcome(&self) -> SearchOutcome {
        match self.passages.is_empty() {
            false => SearchOutcome::Answered,
            true if self.probability > 0.0 => SearchOutcome::LowConfidence,
            true => SearchOutcome::ZeroResult,
        }
    }
}

fn of_nothing(field: &str, message: &str) -> FieldError {
    FieldError::new(field, FieldCode::Unknown, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str) -> SearchRecord {
        SearchRecord {
            id: Uuid::now_v7(),
            query: query.to_owned(),
            language: None,
            outcome: SearchOutcome::ZeroResult,
            probability: 0.0,
            is_open: true,
            created_at: store::now(),
        }
    }

    #[tokio::test]
    async fn what_comes_too_fast_is_let_go_and_counted() {
        let (notes, mut inbox) = mpsc::channel(1);
        let let_go = Arc::new(AtomicU64::new(0));
        let log = SearchLog {
            notes,
            let_go: Arc::clone(&let_go),
        };
        for query in ["first", "second", "third"] {
            log.note(search(query));
        }
        assert_eq!(let_go.load(Ordering::Relaxed), 2);
        let kept = inbox.recv().await;
        assert!(matches!(kept, Some(Note::Search(search)) if search.query == "first"));
    }

    #[tokio::test]
    async fn a_log_whose_writer_has_ended_holds_nobody_up() {
        let (notes, inbox) = mpsc::channel(1);
        drop(inbox);
        let log = SearchLog {
            notes,
            let_go: Arc::default(),
        };
        log.note(search("late"));
        log.flush().await;
    }
}
