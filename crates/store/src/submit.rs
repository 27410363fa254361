//! Storing new tickets: durable, once per idempotency key and per external id.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use desk::{Actor, Event, EventKind, Subject, Ticket, TriageState, ValidTicket, WorkStatus};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::database::Dialect;
use crate::error::{StoreError, failed};
use crate::idempotency::IdempotencyKey;
use crate::row::Columns;
use crate::sql::{Arg, Sql, insert_rows, select_in};
use crate::store::Store;
use crate::writer::Write;
use crate::{events, micros, ticket_row};

/// A ticket to store.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The ticket.
    pub ticket: ValidTicket,
    /// The caller's name for the request.
    pub key: Option<IdempotencyKey>,
    /// Who submits it.
    pub actor: Actor,
    /// How long the submitter keeps the ticket to triage it itself; zero leaves
    /// it to whoever claims first.
    pub claim: Duration,
}

/// A stored ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The ticket as it stands.
    pub ticket: Ticket,
    /// Whether it was stored before: by the same idempotency key or external id.
    pub replayed: bool,
}

impl Store {
    /// Stores a ticket, or finds the one stored before under its key or external id.
    /// Durable when it returns; shares a transaction with others submitted at once.
    ///
    /// **Errors:** `IdempotencyConflict`, `Unknown` account or contact, `QueueFull`, or the database's.
    pub async fn submit_ticket(&self, submission: Submission) -> Result<Submitted, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.offer(Write::Submit(Box::new(submission), reply))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Stores many tickets, waiting for room instead of refusing; answers in their order.
    pub async fn submit_tickets(&self, submissions: Vec<Submission>) -> Vec<Result<Submitted, StoreError>> {
        let mut waiting = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let (reply, answer) = oneshot::channel();
            let handed = self.hand_over(Write::Submit(Box::new(submission), reply)).await;
            waiting.push(handed.map(|()| answer));
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            answers.push(match answer {
                Ok(answer) => answer.await.unwrap_or(Err(StoreError::Closed)),
                Err(error) => Err(error),
            });
        }
        answers
    }
}

type KeyName = (Uuid, String);
type ExternalName = (String, String);

/// What is already stored of what the submissions name; grows as they are planned,
/// so that the second of two equal submissions in one group finds the first.
#[derive(Default)]
struct Known {
    keys: HashMap<KeyName, (String, Uuid)>,
    externals: HashMap<ExternalName, Uuid>,
    accounts: HashSet<Uuid>,
    contacts: HashSet<Uuid>,
}

#[derive(Default)]
struct Plan {
    outcomes: Vec<Result<(Uuid, bool), StoreError>>,
    tickets: Vec<Ticket>,
    events: Vec<Event>,
    keys: Vec<Vec<Arg>>,
}

/// Stores the submissions within a transaction; the answers are in their order. The events are left to be written with
/// others, in `events`.
pub(crate) async fn submit_all(
    to: &mut AnyConnection,
    dialect: Dialect,
    submissions: &[Submission],
    events: &mut Vec<Event>,
) -> Result<Vec<Result<Submitted, StoreError>>, StoreError> {
    if submissions.is_empty() {
        return Ok(Vec::new());
    }
    if dialect.is_shared() {
        lock_numbers(to).await?;
    }
    let mut known = known(to, submissions).await?;
    let now = micros::now();
    let mut plan = Plan::default();
    for submission in submissions {
        let outcome = plan.add(&mut known, submission, now);
        plan.outcomes.push(outcome);
    }
    number(to, &mut plan.tickets).await?;
    ticket_row::insert(to, &plan.tickets).await?;
    events.append(&mut plan.events);
    let into = "INSERT INTO idempotency_keys (token_id, key, body_hash, ticket_id, created_at)";
    insert_rows(to, into, plan.keys)
        .await
        .map_err(failed("store idempotency keys"))?;
    answers(to, plan.outcomes, plan.tickets).await
}

impl Plan {
    /// The id of the submission's ticket, and whether it was there before.
    fn add(
        &mut self,
        known: &mut Known,
        submission: &Submission,
        now: OffsetDateTime,
    ) -> Result<(Uuid, bool), StoreError> {
        if let Some(earlier) = replay_of_key(known, submission)? {
            return Ok((earlier, true));
        }
        check_references(known, submission)?;
        let external = external_name(&submission.ticket);
        let earlier = external.as_ref().and_then(|name| known.externals.get(name).copied());
        let id = match earlier {
            Some(earlier) => earlier,
            None => self.add_ticket(submission, now),
        };
        if let Some(name) = external {
            known.externals.insert(name, id);
        }
        if let Some(key) = &submission.key {
            known
                .keys
                .insert((key.token_id, key.key.clone()), (key.body_hash.clone(), id));
            self.keys.push(key_values(key, id, now));
        }
        Ok((id, earlier.is_some()))
    }

    fn add_ticket(&mut self, submission: &Submission, now: OffsetDateTime) -> Uuid {
        let ticket = new_ticket(submission, now);
        let data = [("channel", ticket.channel.to_string())];
        let subject = Subject::ticket(ticket.id);
        let event = events::event(now, &submission.actor, EventKind::TicketSubmitted, subject, data);
        let id = ticket.id;
        self.events.push(event);
        self.tickets.push(ticket);
        id
    }
}

fn replay_of_key(known: &Known, submission: &Submission) -> Result<Option<Uuid>, StoreError> {
    let Some(key) = &submission.key else {
        return Ok(None);
    };
    match known.keys.get(&(key.token_id, key.key.clone())) {
        Some((body_hash, id)) if *body_hash == key.body_hash => Ok(Some(*id)),
        Some(_) => Err(StoreError::IdempotencyConflict),
        None => Ok(None),
    }
}

fn check_references(known: &Known, submission: &Submission) -> Result<(), StoreError> {
    let fields = submission.ticket.fields();
    let unknown = |field, id: Uuid| StoreError::Unknown {
        field,
        id: id.to_string(),
    };
    match (fields.account_id, fields.contact_id) {
        (Some(id), _) if !known.accounts.contains(&id) => Err(unknown("account_id", id)),
        (_, Some(id)) if !known.contacts.contains(&id) => Err(unknown("contact_id", id)),
        _ => Ok(()),
    }
}

fn external_name(ticket: &ValidTicket) -> Option<ExternalName> {
    let external_id = ticket.fields().external_id.clone()?;
    Some((ticket.source().to_owned(), external_id))
}

/// The ticket of a submission; its number is given when it is stored.
fn new_ticket(submission: &Submission, now: OffsetDateTime) -> Ticket {
    let source = submission.ticket.source().to_owned();
    let fields = submission.ticket.fields().clone();
    Ticket {
        id: Uuid::now_v7(),
        number: 0,
        source,
        external_id: fields.external_id,
        channel: fields.channel,
        subject: fields.subject.unwrap_or_default(),
        body: fields.body,
        account_id: fields.account_id,
        contact_id: fields.contact_id,
        requester_email: fields.requester_email,
        requester_name: fields.requester_name,
        tags: fields.tags,
        language: None,
        state: TriageState::Received,
        status: WorkStatus::Open,
        category: None,
        priority: None,
        team_id: None,
        agent_id: None,
        version: 1,
        attempts: 0,
        last_error: None,
        next_attempt_at: Some(now + submission.claim),
        created_at: fields.created_at.unwrap_or(now),
        updated_at: now,
        triaged_at: None,
        merged_into: None,
    }
}

fn key_values(key: &IdempotencyKey, ticket_id: Uuid, now: OffsetDateTime) -> Vec<Arg> {
    vec![
        key.token_id.into(),
        key.key.as_str().into(),
        key.body_hash.as_str().into(),
        ticket_id.into(),
        now.into(),
    ]
}

/// Lets one process at a time submit, before it looks up what is there: what it then
/// does not find cannot be stored by another process before this one commits.
async fn lock_numbers(to: &mut AnyConnection) -> Result<(), StoreError> {
    let text = "UPDATE counters SET value = value WHERE name = 'ticket'";
    let locked = Sql::new(text, []).execute(to).await;
    locked.map(|_| ()).map_err(failed("number tickets"))
}

/// Gives the tickets the next numbers, in their order.
async fn number(to: &mut AnyConnection, tickets: &mut [Ticket]) -> Result<(), StoreError> {
    if tickets.is_empty() {
        return Ok(());
    }
    let text = "UPDATE counters SET value = value + $1 WHERE name = 'ticket' RETURNING value";
    let row = Sql::new(text, [(tickets.len() as i64).into()])
        .optional(to)
        .await
        .map_err(failed("number tickets"))?
        .ok_or_else(|| StoreError::corrupt("counter", "the ticket counter is missing"))?;
    let last = Columns::of(&row).int("counter")?;
    let first = last - tickets.len() as i64 + 1;
    for (ticket, number) in tickets.iter_mut().zip(first..) {
        ticket.number = number;
    }
    Ok(())
}

async fn answers(
    from: &mut AnyConnection,
    outcomes: Vec<Result<(Uuid, bool), StoreError>>,
    new: Vec<Ticket>,
) -> Result<Vec<Result<Submitted, StoreError>>, StoreError> {
    let mut tickets: HashMap<Uuid, Ticket> = new.into_iter().map(|ticket| (ticket.id, ticket)).collect();
    let earlier = outcomes
        .iter()
        .flatten()
        .map(|&(id, _)| id)
        .filter(|id| !tickets.contains_key(id));
    let earlier: Vec<Arg> = earlier.map(Arg::from).collect();
    for ticket in ticket_row::get_all(from, earlier).await? {
        tickets.insert(ticket.id, ticket);
    }
    let answer = |(id, replayed)| match tickets.get(&id) {
        Some(ticket) => Ok(Submitted {
            ticket: ticket.clone(),
            replayed,
        }),
        None => Err(StoreError::corrupt("idempotency key", "its ticket is missing")),
    };
    Ok(outcomes.into_iter().map(|outcome| outcome.and_then(answer)).collect())
}

async fn known(from: &mut AnyConnection, submissions: &[Submission]) -> Result<Known, StoreError> {
    let fields = || submissions.iter().map(|submission| submission.ticket.fields());
    Ok(Known {
        keys: known_keys(from, submissions).await?,
        externals: known_externals(from, submissions).await?,
        accounts: known_ids(from, "accounts", fields().filter_map(|f| f.account_id)).await?,
        contacts: known_ids(from, "contacts", fields().filter_map(|f| f.contact_id)).await?,
    })
}

async fn known_keys(
    from: &mut AnyConnection,
    submissions: &[Submission],
) -> Result<HashMap<KeyName, (String, Uuid)>, StoreError> {
    let keys = submissions.iter().filter_map(|submission| submission.key.as_ref());
    let keys = keys.map(|key| key.key.as_str().into()).collect();
    let select = "SELECT token_id, key, body_hash, ticket_id FROM idempotency_keys WHERE key";
    let rows = select_in(from, select, keys)
        .await
        .map_err(failed("look up idempotency keys"))?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let name = (columns.id("key's token")?, columns.text("key")?);
            Ok((name, (columns.text("key's body hash")?, columns.id("key's ticket")?)))
        })
        .collect()
}

async fn known_externals(
    from: &mut AnyConnection,
    submissions: &[Submission],
) -> Result<HashMap<ExternalName, Uuid>, StoreError> {
    let ids = submissions
        .iter()
        .filter_map(|submission| submission.ticket.fields().external_id.as_deref());
    let ids = ids.map(Arg::from).collect();
    let select = "SELECT source, external_id, id FROM tickets WHERE external_id";
    let rows = select_in(from, select, ids)
        .await
        .map_err(failed("look up external ids"))?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let name = (columns.text("ticket source")?, columns.text("ticket external id")?);
            Ok((name, columns.id("ticket id")?))
        })
        .collect()
}

async fn known_ids(
    from: &mut AnyConnection,
    table: &str,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashSet<Uuid>, StoreError> {
    let ids: HashSet<Uuid> = ids.collect();
    let select = format!("SELECT id FROM {table} WHERE id");
    let ids = ids.into_iter().map(Arg::from).collect();
    let rows = select_in(from, &select, ids)
        .await
        .map_err(failed("look up references"))?;
    rows.iter().map(|row| Columns::of(row).id("reference")).collect()
}
