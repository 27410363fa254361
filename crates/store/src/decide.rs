//! Recording what triage decided: the decision, the event and the flip of the
//! state are one transaction, and a ticket leaves `received` exactly once.

use desk::{Actor, Decision, Event, EventKind, Subject, Ticket, TriageState};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;
use crate::writer::Write;
use crate::{events, micros, ticket_row};

/// What became of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// The ticket left `received` by this decision.
    Flipped(Box<Ticket>),
    /// Another decision came first; this one was not kept.
    AlreadyDone(Box<Ticket>),
    /// There is no such ticket.
    Missing,
}

impl Recorded {
    /// Whether this decision is the ticket's.
    pub fn flipped(&self) -> bool {
        matches!(self, Recorded::Flipped(_))
    }

    /// The ticket as it stands.
    pub fn into_ticket(self) -> Option<Ticket> {
        match self {
            Recorded::Flipped(ticket) | Recorded::AlreadyDone(ticket) => Some(*ticket),
            Recorded::Missing => None,
        }
    }
}

impl Store {
    /// Records a decision if its ticket is still in `received`. What a person set
    /// meanwhile stays. Shares a transaction with others recorded at once.
    ///
    /// **Errors:** `Invalid` for a decision whose outcome is `received`, or the database's.
    pub async fn record_decision(&self, decision: Decision, actor: &Actor) -> Result<Recorded, StoreError> {
        if decision.outcome == TriageState::Received {
            return Err(StoreError::corrupt("decision", "its outcome is received"));
        }
        let (reply, answer) = oneshot::channel();
        self.hand_over(Write::Record(Box::new(decision), actor.clone(), reply))
            .await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// The decision a ticket was triaged by; none before triage.
    ///
    /// **Errors:** the database's.
    pub async fn latest_decision(&self, ticket_id: Uuid) -> Result<Option<Decision>, StoreError> {
        let text = "SELECT decision FROM decisions WHERE ticket_id = $1 ORDER BY id DESC LIMIT 1";
        let mut reader = self.database().reader().await?;
        let row = Sql::new(text, [ticket_id.into()]).optional(&mut reader).await;
        let row = row.map_err(failed("read a decision"))?;
        row.map(|row| Columns::of(&row).json("decision")).transpose()
    }
}

/// Records decisions within a transaction; the answers are in their order.
pub(crate) async fn record_all(
    to: &mut AnyConnection,
    decisions: &[(Decision, Actor)],
) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
    let now = micros::now();
    let mut recorded = Vec::with_capacity(decisions.len());
    let mut rows = Vec::new();
    let mut told = Vec::new();
    for (decision, actor) in in_lock_order(decisions) {
        let outcome = flip(to, decision, now).await?;
        if outcome.flipped() {
            rows.push(values(decision)?);
            told.push(event(decision, actor, now));
        }
        recorded.push((decision.id, outcome));
    }
    insert_rows(to, "INSERT INTO decisions (id, ticket_id, decision, created_at)", rows)
        .await
        .map_err(failed("store decisions"))?;
    events::insert(to, &told).await?;
    Ok(in_order_of(decisions, recorded))
}

/// By ticket: two processes that record the same tickets lock their rows in the same order.
fn in_lock_order(decisions: &[(Decision, Actor)]) -> Vec<&(Decision, Actor)> {
    let mut ordered: Vec<_> = decisions.iter().collect();
    ordered.sort_by_key(|(decision, _)| decision.ticket_id);
    ordered
}

fn in_order_of(decisions: &[(Decision, Actor)], recorded: Vec<(Uuid, Recorded)>) -> Vec<Result<Recorded, StoreError>> {
    let mut by_id: std::collections::HashMap<Uuid, Recorded> = recorded.into_iter().collect();
    let answer = |(decision, _): &(Decision, Actor)| {
        by_id
            .remove(&decision.id)
            .ok_or_else(|| StoreError::corrupt("decision", "its id occurs twice"))
    };
    decisions.iter().map(answer).collect()
}

async fn flip(to: &mut AnyConnection, decision: &Decision, now: OffsetDateTime) -> Result<Recorded, StoreError> {
    let row = flip_sql(decision, now)
        .optional(to)
        .await
        .map_err(failed("record a decision"))?;
    if let Some(row) = row {
        return Ok(Recorded::Flipped(Box::new(ticket_row::read(&row)?)));
    }
    let ticket = ticket_row::get(to, decision.ticket_id).await?;
    Ok(ticket.map_or(Recorded::Missing, |ticket| Recorded::AlreadyDone(Box::new(ticket))))
}

fn flip_sql(decision: &Decision, now: OffsetDateTime) -> Sql {
    let text = format!(
        "UPDATE tickets SET state = $1, language = $2, category = COALESCE(category, $3), \
         priority = COALESCE(priority, $4), team_id = COALESCE(team_id, $5), agent_id = COALESCE(agent_id, $6), \
         last_error = NULL, next_attempt_at = NULL, triaged_at = $7, updated_at = $7, version = version + 1 \
         WHERE id = $8 AND state = 'received' RETURNING {}",
        ticket_row::COLUMNS
    );
    let args: [Arg; 8] = [
        decision.outcome.as_str().into(),
        (&decision.language).into(),
        decision.category_label().into(),
        decision.priority_label().map(|priority| priority.as_str()).into(),
        decision.routing.team_id().into(),
        decision.routing.agent_id().into(),
        now.into(),
        decision.ticket_id.into(),
    ];
    Sql::new(&text, args)
}

fn values(decision: &Decision) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        decision.id.into(),
        decision.ticket_id.into(),
        json("decision", decision)?.into(),
        decision.created_at.into(),
    ])
}

fn event(decision: &Decision, actor: &Actor, now: OffsetDateTime) -> Event {
    let kind = match decision.outcome {
        TriageState::NeedsHuman => EventKind::TicketNeedsHuman,
        TriageState::Triaged | TriageState::Received => EventKind::TicketTriaged,
    };
    let said = |label: Option<&str>| label.unwrap_or("undecided").to_owned();
    let data = [
        ("category", said(decision.category.label.as_deref())),
        ("decision", decision.id.to_string()),
        ("priority", said(decision.priority.label.as_deref())),
    ];
    events::event(now, actor, kind, Subject::ticket(decision.ticket_id), data)
}
