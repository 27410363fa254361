//! The writer: one task that commits what many callers submit, in groups.
//!
//! While one group is being committed the next one gathers, and while many
//! write, commits keep a short distance: the cost of a transaction is shared
//! when there is much to do, and nobody waits for others when there is little.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::database::{Database, commit};
use crate::decide::{self, Decided, Recorded};
use crate::error::StoreError;
use crate::events;
use crate::submit::{self, Submission, Submitted};

/// Longest time from one commit to the next while many write: short beside what triage takes, long enough to share a commit.
const COMMIT_INTERVAL: Duration = Duration::from_millis(15);
/// Writes that share a commit well enough not to wait for more.
const COMPANY: usize = 6;

/// How a caller hears of its write.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A write that may share its transaction with others.
#[derive(Debug)]
pub(crate) enum Write {
    Submit(Box<Submission>, Reply<Submitted>),
    Record(Box<Decided>, Reply<Recorded>),
    /// Answered when everything before it is committed; the writer ends.
    Close(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
struct Group {
    submissions: Vec<Submission>,
    submitters: Vec<Reply<Submitted>>,
    decisions: Vec<Decided>,
    deciders: Vec<Reply<Recorded>>,
    closers: Vec<oneshot::Sender<()>>,
}

/// When many write, a commit waits for others; who writes alone never waits.
///
/// **Source**: `commit_delay` and `commit_siblings` of PostgreSQL.
#[derive(Debug, Default)]
struct Pace {
    /// When the last group was committed, if it was of several writes.
    busy_since: Option<Instant>,
}

impl Pace {
    /// How long to wait from `now` for more writes than the ones that are there.
    fn pause(&self, writes: usize, now: Instant) -> Duration {
        match self.busy_since {
            Some(last) => COMMIT_INTERVAL.saturating_sub(now.duration_since(last)),
            None if writes > 1 => COMMIT_INTERVAL,
            None => Duration::ZERO,
        }
    }

    fn committed(&mut self, writes: usize, now: Instant) {
        self.busy_since = (writes > 1).then_some(now);
    }
}

/// What the database answered to a group, in its order.
struct Answers {
    submitted: Vec<Result<Submitted, StoreError>>,
    recorded: Vec<Result<Recorded, StoreError>>,
}

/// Commits groups until the inbox is closed or told to close.
pub(crate) async fn run(database: Database, mut inbox: mpsc::Receiver<Write>, group_writes: usize) {
    let mut waiting = Vec::with_capacity(group_writes);
    let mut pace = Pace::default();
    while inbox.recv_many(&mut waiting, group_writes).await > 0 {
        wait_for_company(&mut inbox, &mut waiting, &pace, group_writes).await;
        let mut group = Group::gather(waiting.drain(..));
        let closers = std::mem::take(&mut group.closers);
        let writes = group.len();
        write(&database, group).await;
        pace.committed(writes, Instant::now());
        if !closers.is_empty() {
            inbox.close();
            for closer in closers {
                // Whoever was dropped meanwhile does not wait for the answer.
                let _left = closer.send(());
            }
        }
    }
}

/// Waits until enough writes are there to share a commit, at most as long as the pace allows.
async fn wait_for_company(
    inbox: &mut mpsc::Receiver<Write>,
    waiting: &mut Vec<Write>,
    pace: &Pace,
    group_writes: usize,
) {
    let now = Instant::now();
    let until = now + pace.pause(waiting.len(), now);
    while waiting.len() < COMPANY.min(group_writes) {
        let room = group_writes - waiting.len();
        let came = tokio::time::timeout_at(until.into(), inbox.recv_many(waiting, room)).await;
        if matches!(came, Ok(0) | Err(_)) {
            break;
        }
    }
    while waiting.len() < group_writes
        && let Ok(write) = inbox.try_recv()
    {
        waiting.push(write);
    }
}

impl Group {
    fn gather(writes: impl Iterator<Item = Write>) -> Self {
        let mut group = Group::default();
        for write in writes {
            match write {
                Write::Submit(submission, reply) => {
                    group.submissions.push(*submission);
                    group.submitters.push(reply);
                }
                Write::Record(decided, reply) => {
                    group.decisions.push(*decided);
                    group.deciders.push(reply);
                }
                Write::Close(closer) => group.closers.push(closer),
            }
        }
        group
    }

    fn len(&self) -> usize {
        self.submissions.len() + self.decisions.len()
    }
}

async fn write(database: &Database, group: Group) {
    if group.len() == 0 {
        return;
    }
    let answers = match attempt(database, &group.submissions, &group.decisions).await {
        Ok(answers) => answers,
        Err(error) if group.len() > 1 && is_of_one_write(&error) => one_by_one(database, &group).await,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                writes = group.len(),
                "a group of writes failed"
            );
            Answers::all_failed(&group, &error)
        }
    };
    // A caller who left is no reason to stop: the row is durable all the same.
    for (reply, answer) in group.submitters.into_iter().zip(answers.submitted) {
        drop(reply.send(answer));
    }
    for (reply, answer) in group.deciders.into_iter().zip(answers.recorded) {
        drop(reply.send(answer));
    }
}

impl Answers {
    fn all_failed(group: &Group, error: &StoreError) -> Self {
        Answers {
            submitted: group.submissions.iter().map(|_| Err(error.clone())).collect(),
            recorded: group.decisions.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

/// Whether the failure may be one write's alone: a row another process stored at
/// the same moment, a deadlock with it, or a value the database does not take.
fn is_of_one_write(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Query { .. } | StoreError::Locked { .. } | StoreError::Taken { .. } | StoreError::Unknown { .. }
    )
}

async fn attempt(
    database: &Database,
    submissions: &[Submission],
    decisions: &[Decided],
) -> Result<Answers, StoreError> {
    let mut transaction = database.begin().await?;
    let mut events = Vec::with_capacity(submissions.len() + decisions.len());
    let submitted = submit::submit_all(&mut transaction, database.dialect, submissions, &mut events).await?;
    let recorded = decide::record_all(&mut transaction, decisions, &mut events).await?;
    events::insert(&mut transaction, &events).await?;
    commit(transaction).await?;
    Ok(Answers { submitted, recorded })
}

async fn one_by_one(database: &Database, group: &Group) -> Answers {
    let mut answers = Answers {
        submitted: Vec::new(),
        recorded: Vec::new(),
    };
    for submission in &group.submissions {
        let answer = attempt(database, std::slice::from_ref(submission), &[]).await;
        answers
            .submitted
            .push(answer.and_then(|answers| only(answers.submitted)));
    }
    for decision in &group.decisions {
        let answer = attempt(database, &[], std::slice::from_ref(decision)).await;
        answers.recorded.push(answer.and_then(|answers| only(answers.recorded)));
    }
    answers
}

fn only<T>(answers: Vec<Result<T, StoreError>>) -> Result<T, StoreError> {
    answers.into_iter().next().unwrap_or(Err(StoreError::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_alone_never_waits() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        assert_eq!(pace.pause(1, now), Duration::ZERO);
        assert_eq!(pace.pause(2, now), COMMIT_INTERVAL);
        pace.committed(2, now);
        assert_eq!(pace.pause(1, now), COMMIT_INTERVAL);
        assert_eq!(
            pace.pause(1, now + COMMIT_INTERVAL / 3),
            COMMIT_INTERVAL - COMMIT_INTERVAL / 3
        );
        assert_eq!(pace.pause(1, now + 2 * COMMIT_INTERVAL), Duration::ZERO);
        pace.committed(1, now);
        assert_eq!(pace.pause(1, now), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_commit_waits_for_company_and_no_longer_than_the_pace_allows() {
        let (sender, mut inbox) = mpsc::channel(2 * COMPANY);
        let write = || Write::Close(oneshot::channel().0);
        let mut pace = Pace::default();
        pace.committed(2, Instant::now());
        for _ in 0..COMPANY {
            sender.try_send(write()).expect("room");
        }
        let mut waiting = vec![write()];
        wait_for_company(&mut inbox, &mut waiting, &pace, 2 * COMPANY).await;
        assert_eq!(waiting.len(), COMPANY + 1);
        let mut alone = vec![write()];
        pace.committed(2, Instant::now());
        wait_for_company(&mut inbox, &mut alone, &pace, 2 * COMPANY).await;
        assert_eq!(alone.len(), 1);
        sender.try_send(write()).expect("room");
        wait_for_company(&mut inbox, &mut alone, &pace, 1).await;
        assert_eq!(alone.len(), 1, "a group is full");
    }
}
