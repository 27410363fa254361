//! What agents did with suggested answers, and the replies that answers are taken from.

use std::collections::HashMap;

use desk::{
    Actor, Article, AuthorKind, EventKind, Message, SourceKind, SourceRef, Subject, Tally, Verdict, Visibility,
};
use sqlx::AnyConnection;
use time::Date;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::guards::check_reference;
use crate::row::{Columns, json};
use crate::sql::{Arg, Sql, select_in};
use crate::store::Store;
use crate::{events, messages, micros, noun, ticket_row};

/// Verdicts on each article since its last change: times it was rejected.
const REJECTED: &str = "SELECT v.source_id, COUNT(*) FROM suggestion_verdicts v JOIN articles a ON a.id = v.source_id \
     WHERE v.source_kind = 'article' AND v.verdict = 'rejected' AND v.created_at >= a.updated_at GROUP BY v.source_id";
/// Tickets each article had answered since its last change and that were opened again afterwards.
const REOPENED: &str = "SELECT v.source_id, COUNT(DISTINCT v.ticket_id) FROM suggestion_verdicts v \
     JOIN articles a ON a.id = v.source_id JOIN events e ON e.subject_id = v.ticket_id \
     WHERE v.source_kind = 'article' AND v.verdict <> 'rejected' AND v.created_at >= a.updated_at \
     AND e.created_at > v.created_at AND e.kind = 'ticket.changed' AND e.data LIKE '%\"status.after\":\"open\"%' \
     GROUP BY v.source_id";

/// An article that may no longer hold, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct StaleArticle {
    /// The article.
    pub article: Article,
    /// Whether its review date has passed.
    pub is_review_due: bool,
    /// Times agents said that it is no answer, since its last change.
    pub rejected: i64,
    /// Tickets it had answered that were opened again, since its last change.
    pub reopened: i64,
}

impl Store {
    /// Keeps what an agent did with a suggestion for a ticket, in place of what they said of it before; false when there
    /// is no such ticket.
    ///
    /// **Errors:** `Unknown` source, or the database's.
    pub async fn record_verdict(
        &self,
        ticket_id: Uuid,
        source: SourceRef,
        verdict: Verdict,
        actor: &Actor,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database().begin().await?;
        if ticket_row::get(&mut transaction, ticket_id).await?.is_none() {
            return Ok(false);
        }
        check_reference(&mut transaction, table(source.kind), "source.id", Some(source.id)).await?;
        let now = micros::now();
        let mut sql = Sql::new(
            "INSERT INTO suggestion_verdicts (ticket_id, source_kind, source_id, verdict, actor, created_at) VALUES ",
            [],
        );
        sql.tuple([
            ticket_id.into(),
            source.kind.as_str().into(),
            source.id.into(),
            verdict.as_str().into(),
            json("verdict actor", actor)?.into(),
            now.into(),
        ])
        .push(
            " ON CONFLICT (ticket_id, source_kind, source_id) \
             DO UPDATE SET verdict = excluded.verdict, actor = excluded.actor, created_at = excluded.created_at",
        );
        let kept = sql.execute(&mut transaction).await;
        kept.map_err(failed("keep a verdict"))?;
        let data = [
            ("source", format!("{} {}", source.kind, source.id)),
            ("verdict", verdict.to_string()),
        ];
        let subject = Subject::ticket(ticket_id);
        let event = events::event(now, actor, EventKind::SuggestionJudged, subject, data);
        events::insert(&mut transaction, &[event]).await?;
        commit(transaction).await?;
        Ok(true)
    }

    /// What agents did with these sources; those that nobody judged are left out.
    ///
    /// **Errors:** the database's.
    pub async fn verdict_tallies(&self, sources: &[SourceRef]) -> Result<HashMap<SourceRef, Tally>, StoreError> {
        let ids = sources.iter().map(|source| source.id.into()).collect();
        let select = "SELECT source_kind, source_id, verdict FROM suggestion_verdicts WHERE source_id";
        let mut reader = self.database().reader().await?;
        let rows = select_in(&mut reader, select, ids).await;
        let mut tallies = HashMap::new();
        for row in rows.map_err(failed("read verdicts"))? {
            let mut columns = Columns::of(&row);
            let source = SourceRef {
                kind: columns.word("verdict source kind")?,
                id: columns.id("verdict source")?,
            };
            let tally: &mut Tally = tallies.entry(source).or_default();
            tally.add(columns.word("verdict")?);
        }
        Ok(tallies)
    }

    /// The articles in use that may no longer hold, the worst first: their review date has passed, or since their last
    /// change agents rejected them or tickets they had answered were opened again.
    ///
    /// **Errors:** the database's.
    pub async fn stale_articles(&self, today: Date) -> Result<Vec<StaleArticle>, StoreError> {
        let mut reader = self.database().reader().await?;
        let rejected = counts(&mut reader, REJECTED).await?;
        let reopened = counts(&mut reader, REOPENED).await?;
        let select = format!("SELECT {} FROM articles WHERE archived = 0", noun::columns::<Article>());
        let rows = Sql::new(&select, []).all(&mut reader).await;
        let mut stale = Vec::new();
        for row in rows.map_err(failed("read articles"))? {
            let article = noun::read::<Article>(&row)?;
            let of = |counts: &HashMap<Uuid, i64>| counts.get(&article.id).copied().unwrap_or_default();
            stale.push(StaleArticle {
                is_review_due: article.fields.review_date.is_some_and(|day| day < today),
                rejected: of(&rejected),
                reopened: of(&reopened),
                article,
            });
        }
        stale.retain(|one| one.is_review_due || one.rejected > 0 || one.reopened > 0);
        stale.sort_by_key(|one| {
            let signals = one.reopened + one.rejected + i64::from(one.is_review_due);
            (
                std::cmp::Reverse(signals),
                one.article.fields.review_date,
                one.article.id,
            )
        });
        Ok(stale)
    }

    /// The last thing an agent said to the customer on each of these tickets, in no order.
    ///
    /// **Errors:** the database's.
    pub async fn last_replies(&self, ticket_ids: &[Uuid]) -> Result<Vec<Message>, StoreError> {
        let mut reader = self.database().reader().await?;
        let select = format!("SELECT {} FROM messages WHERE ticket_id", messages::COLUMNS);
        let ids: Vec<Arg> = ticket_ids.iter().copied().map(Arg::from).collect();
        let rows = select_in(&mut reader, &select, ids).await;
        let rows = rows.map_err(failed("read replies"))?;
        let mut last: HashMap<Uuid, Message> = HashMap::new();
        for message in rows.iter().map(messages::read) {
            let message = message?;
            let is_reply = message.author.kind == AuthorKind::Agent && message.visibility == Visibility::Public;
            // UUIDv7 sorts by time.
            let is_later = last.get(&message.ticket_id).is_none_or(|known| known.id < message.id);
            if is_reply && is_later {
                last.insert(message.ticket_id, message);
            }
        }
        Ok(last.into_values().collect())
    }
}

async fn counts(from: &mut AnyConnection, text: &str) -> Result<HashMap<Uuid, i64>, StoreError> {
    let rows = Sql::new(text, []).all(from).await.map_err(failed("count verdicts"))?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.id("verdict source")?, columns.int("verdicts")?))
        })
        .collect()
}

/// The table of a kind of source.
const fn table(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Article => "articles",
        SourceKind::Reply => "messages",
    }
}
