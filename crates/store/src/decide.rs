//! Recording what triage decided: the decision, the event and the flip of the
//! state are one transaction, and a ticket leaves `received` exactly once.

use std::collections::BTreeMap;

use desk::{Actor, Decision, Event, EventKind, ShadowJudgement, Subject, Ticket, TriageState};
use sqlx::AnyConnection;
use time::OffsetDateTime;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::{StoreError, failed};
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, insert_rows, tables};
use crate::store::Store;
use crate::writer::Write;
use crate::{events, micros, shadows, ticket_row};

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

/// A decision on its way to its ticket.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    decision: Decision,
    /// What versions that are tried out said of the ticket, kept with the decision.
    judgements: Vec<ShadowJudgement>,
    actor: Actor,
}

impl Store {
    /// Records a decision if its ticket is still in `received`. What a person set
    /// meanwhile stays: an agent of another team than theirs is not taken, and where they named
    /// both category and priority, nobody else must look. Shares a transaction with others recorded at once.
    ///
    /// **Errors:** `Invalid` for a decision whose outcome is `received`, or the database's.
    pub async fn record_decision(&self, decision: Decision, actor: &Actor) -> Result<Recorded, StoreError> {
        self.record_judged_decision(decision, Vec::new(), actor).await
    }

    /// As [`Store::record_decision`], with what versions that are tried out said of the ticket.
    ///
    /// **Errors:** as [`Store::record_decision`].
    pub async fn record_judged_decision(
        &self,
        decision: Decision,
        judgements: Vec<ShadowJudgement>,
        actor: &Actor,
    ) -> Result<Recorded, StoreError> {
        if decision.outcome == TriageState::Received {
            return Err(StoreError::corrupt("decision", "its outcome is received"));
        }
        let (reply, answer) = oneshot::channel();
        let decided = Decided {
            decision,
            judgements,
            actor: actor.clone(),
        };
        self.hand_over(Write::Record(Box::new(decided), reply)).await?;
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

/// Records decisions within a transaction; the answers are in their order. The events are left to be written with others,
/// in `events`.
pub(crate) async fn record_all(
    to: &mut AnyConnection,
    decisions: &[Decided],
    events: &mut Vec<Event>,
) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
    let now = micros::now();
    let first = first_of_each(decisions);
    let flipped = flip(to, first.values().map(|decided| &decided.decision), now).await?;
    let mut rows = Vec::with_capacity(flipped.len());
    let mut judged = Vec::new();
    for (ticket, decided) in flipped
        .values()
        .filter_map(|ticket| Some((ticket, first.get(&ticket.id)?)))
    {
        rows.push(values(&decided.decision)?);
        events.push(event(&decided.decision, ticket.state, &decided.actor, now));
        judged.extend(decided.judgements.iter().map(|judgement| (ticket.id, judgement)));
    }
    insert_rows(to, "INSERT INTO decisions (id, ticket_id, decision, created_at)", rows)
        .await
        .map_err(failed("store decisions"))?;
    shadows::insert(to, &judged).await?;
    answers(to, decisions, &first, flipped).await
}

/// By ticket, so that two processes that record the same tickets lock their rows in the same order.
type ByTicket<'a> = BTreeMap<Uuid, &'a Decided>;

fn first_of_each(decisions: &[Decided]) -> ByTicket<'_> {
    let mut first = ByTicket::new();
    for decided in decisions {
        first.entry(decided.decision.ticket_id).or_insert(decided);
    }
    first
}

async fn answers(
    from: &mut AnyConnection,
    decisions: &[Decided],
    first: &ByTicket<'_>,
    mut flipped: BTreeMap<Uuid, Ticket>,
) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
    let mut answers = Vec::with_capacity(decisions.len());
    for Decided { decision, .. } in decisions {
        let id = decision.ticket_id;
        let is_first = first.get(&id).is_some_and(|first| first.decision.id == decision.id);
        let own = if is_first { flipped.remove(&id) } else { None };
        answers.push(Ok(match own {
            Some(ticket) => Recorded::Flipped(Box::new(ticket)),
            None => already_done(from, id).await?,
        }));
    }
    Ok(answers)
}

async fn already_done(from: &mut AnyConnection, id: Uuid) -> Result<Recorded, StoreError> {
    let ticket = ticket_row::get(from, id).await?;
    Ok(ticket.map_or(Recorded::Missing, |ticket| Recorded::AlreadyDone(Box::new(ticket))))
}

/// The tickets that left `received` by these decisions, of which each is on another ticket.
async fn flip(
    to: &mut AnyConnection,
    decisions: impl Iterator<Item = &Decision>,
    now: OffsetDateTime,
) -> Result<BTreeMap<Uuid, Ticket>, StoreError> {
    let mut flipped = BTreeMap::new();
    for table in tables(decisions.map(flip_values).collect()) {
        let rows = flip_sql(table, now).all(to).await.map_err(failed("record decisions"))?;
        let tickets = ticket_row::read_all(&rows)?;
        flipped.extend(tickets.into_iter().map(|ticket| (ticket.id, ticket)));
    }
    Ok(flipped)
}

/// Before the flip a row has only what people set; every value on the right is that of before.
fn flip_sql(decided: Vec<Vec<Arg>>, now: OffsetDateTime) -> Sql {
    let mut sql = Sql::new(
        "WITH decided (ticket, outcome, said, about, urgency, team, agent) AS (",
        [],
    );
    sql.values(decided)
        .push(
            ") UPDATE tickets SET state = CASE WHEN category IS NOT NULL AND priority IS NOT NULL THEN 'triaged' \
             ELSE outcome END, language = said, category = COALESCE(category, about), \
             priority = COALESCE(priority, urgency), team_id = COALESCE(team_id, team), \
             agent_id = COALESCE(agent_id, CASE WHEN team_id IS NULL OR team_id = team THEN agent END), \
             last_error = NULL, next_attempt_at = NULL, version = version + 1, triaged_at = ",
        )
        .arg(now)
        .push(", updated_at = ")
        .arg(now)
        .push(" FROM decided WHERE id = ticket AND state = 'received' RETURNING ")
        .push(ticket_row::COLUMNS);
    sql
}

/// In the order that [`flip_sql`] names them in.
fn flip_values(decision: &Decision) -> Vec<Arg> {
    vec![
        decision.ticket_id.into(),
        decision.outcome.as_str().into(),
        (&decision.language).into(),
        decision.category_label().into(),
        decision.priority_label().map(|priority| priority.as_str()).into(),
        decision.routing.team_id().into(),
        decision.routing.agent_id().into(),
    ]
}

fn values(decision: &Decision) -> Result<Vec<Arg>, StoreError> {
    Ok(vec![
        decision.id.into(),
        decision.ticket_id.into(),
        json("decision", decision)?.into(),
        decision.created_at.into(),
    ])
}

/// `state` is the one that the ticket is in by the decision and by what people had set.
fn event(decision: &Decision, state: TriageState, actor: &Actor, now: OffsetDateTime) -> Event {
    let kind = match state {
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
