//! What the index answered a moment ago, kept for whoever asks the same again.
//!
//! Only which passages are alike is kept; whether they may be read is asked of the rows each time.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use desk::ArticleVisibility;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use search::Hit;

use crate::error::KnowledgeError;
use crate::find::Question;

/// What the kept answers may take up together. **Units:** bytes.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The answers of the last moments, bounded in number, in bytes and in age.
pub(crate) struct Recent {
    answers: Cache<Asked, Arc<[Hit]>, Shares>,
    /// Counts the changes of the index, so that nothing of before is used after one.
    generation: AtomicU64,
    began: Instant,
    longest: Duration,
}

/// Everything the answer depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    text: String,
    visibility: Vec<ArticleVisibility>,
    language: Option<String>,
    tags: Vec<String>,
    limit: usize,
    generation: u64,
    /// Which stretch of time it belongs to: at its end it is as good as gone.
    stretch: u128,
}

impl Recent {
    /// Keeps so many answers of usual size, none longer than `longest`.
    pub fn new(answers: usize, longest: Duration) -> Self {
        Recent {
            answers: Cache::with_weighter(answers, BYTES_MAX, Shares::of(answers)),
            generation: AtomicU64::new(0),
            began: Instant::now(),
            longest: longest.max(Duration::from_millis(1)),
        }
    }

    /// Forgets everything: the index has changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// The hits kept for a question, or those that `ask` finds. Of many who ask the same at once one asks the index;
    /// when that one leaves, the next does.
    ///
    /// **Errors:** those of `ask`; they are not kept.
    pub async fn hits(
        &self,
        question: &Question,
        ask: impl Future<Output = Result<Vec<Hit>, KnowledgeError>>,
    ) -> Result<Arc<[Hit]>, KnowledgeError> {
        let asked = self.asked(question);
        self.answers
            .get_or_insert_async(&asked, async { Ok(likeness(ask.await?)) })
            .await
    }

    fn asked(&self, question: &Question) -> Asked {
        Asked {
            text: question.text.split_whitespace().collect::<Vec<_>>().join(" "),
            visibility: question.visibility.clone(),
            language: question.language.clone(),
            tags: question.tags.clone(),
            limit: question.limit,
            generation: self.generation.load(Ordering::Acquire),
            stretch: self.began.elapsed().as_millis() / self.longest.as_millis(),
        }
    }
}

/// Hits without what the index keeps of their articles: the rows say that.
fn likeness(mut hits: Vec<Hit>) -> Arc<[Hit]> {
    hits.iter_mut().for_each(|hit| hit.payload.clear());
    Arc::from(hits)
}

/// Weighs an answer by its bytes, and by its share of the number where that is more.
#[derive(Debug, Clone)]
struct Shares {
    /// What one of so many answers may take up. **Units:** bytes.
    each: u64,
}

impl Shares {
    fn of(answers: usize) -> Self {
        Shares {
            each: BYTES_MAX / (answers as u64).max(1),
        }
    }
}

impl Weighter<Asked, Arc<[Hit]>> for Shares {
    fn weight(&self, asked: &Asked, hits: &Arc<[Hit]>) -> u64 {
        let texts = asked.tags.iter().chain(&asked.language).chain([&asked.text]);
        let texts: usize = texts.map(|text| size_of::<String>() + text.len()).sum();
        let bytes = size_of::<Asked>() + texts + size_of_val::<[Hit]>(hits);
        (bytes as u64).max(self.each)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn question(text: &str, visibility: ArticleVisibility) -> Question {
        Question {
            text: text.to_owned(),
            visibility: vec![visibility],
            language: None,
            tags: Vec::new(),
            limit: 10,
        }
    }

    /// How often the index is asked when these are asked one after the other.
    async fn check(recent: &Recent, questions: &[Question], expect: usize) {
        let asked = AtomicUsize::new(0);
        for question in questions {
            let ask = async {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(Vec::new())
            };
            recent.hits(question, ask).await.expect("hits");
        }
        assert_eq!(asked.into_inner(), expect);
    }

    #[tokio::test]
    async fn the_same_question_is_asked_once_and_for_each_reader_by_itself() {
        let recent = Recent::new(16, Duration::from_secs(600));
        let (public, draft) = (ArticleVisibility::Public, ArticleVisibility::Draft);
        let same = [question("close  the till ", public), question("close the till", public)];
        check(&recent, &same, 1).await;
        check(&recent, &[question("close the till", draft)], 1).await;
        check(&recent, &same, 0).await;
        recent.forget();
        check(&recent, &same, 1).await;
    }

    #[tokio::test]
    async fn one_who_leaves_holds_nobody_up_and_a_failure_is_not_kept() {
        let recent = Recent::new(16, Duration::from_secs(600));
        let asked = question("till", ArticleVisibility::Public);
        let never = recent.hits(&asked, std::future::pending());
        let left = tokio::time::timeout(Duration::from_millis(1), never).await;
        assert!(left.is_err());
        let failed = recent
            .hits(&asked, async { Err(KnowledgeError::Invalid(Vec::new())) })
            .await;
        assert!(failed.is_err());
        check(&recent, &[asked], 1).await;
    }

    #[tokio::test]
    async fn kept_answers_are_few_and_small_enough() {
        const ANSWERS: usize = 100;
        let recent = Recent::new(ANSWERS, Duration::from_secs(600));
        for at in 0..2 * ANSWERS {
            check(
                &recent,
                &[question(&format!("till {at}"), ArticleVisibility::Public)],
                1,
            )
            .await;
        }
        assert!(
            (1..=ANSWERS).contains(&recent.answers.len()),
            "{}",
            recent.answers.len()
        );
        let long = "x".repeat(BYTES_MAX as usize / 4);
        for at in 0..6 {
            check(
                &recent,
                &[question(&format!("{long} {at}"), ArticleVisibility::Public)],
                1,
            )
            .await;
        }
        let held: usize = recent.answers.iter().map(|(asked, _)| asked.text.len()).sum();
        assert!(held as u64 <= BYTES_MAX, "{held}");
    }
}
