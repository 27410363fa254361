//! What is said on a ticket.

use desk::{Actor, Author, AuthorKind, EventKind, Message, Subject, Ticket, ValidMessage, Visibility, WorkStatus};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::commit;
use crate::error::{StoreError, failed};
use crate::merges::FAMILY;
use crate::page::{Page, PageRequest};
use crate::row::Columns;
use crate::sql::{Arg, Sql, insert_rows};
use crate::store::Store;
use crate::{events, merges, micros, ticket_row};

pub(crate) const COLUMNS: &str = "id, ticket_id, author_kind, author_id, author_name, visibility, body, created_at";

impl Store {
    /// Adds a message to a ticket; none when there is no such ticket. What a customer
    /// says on a pending or solved ticket opens it again; on a merged one, its survivor.
    ///
    /// **Errors:** the database's.
    pub async fn add_message(
        &self,
        ticket_id: Uuid,
        message: &ValidMessage,
        actor: &Actor,
    ) -> Result<Option<Message>, StoreError> {
        let mut transaction = self.database().begin().await?;
        let Some(ticket) = ticket_row::get(&mut transaction, ticket_id).await? else {
            return Ok(None);
        };
        let now = micros::now();
        let message = stored(ticket_id, message, now);
        insert(&mut transaction, std::slice::from_ref(&message)).await?;
        let data = [
            ("message", message.id.to_string()),
            ("author", message.author.kind.to_string()),
        ];
        let mut events = vec![events::event(
            now,
            actor,
            EventKind::MessageAdded,
            Subject::ticket(ticket_id),
            data,
        )];
        let survivor = merges::survivor(&mut transaction, ticket).await?;
        if message.author.kind == AuthorKind::Customer && reopen(&mut transaction, &survivor, now).await? {
            let data = [
                ("status.before", survivor.status.to_string()),
                ("status.after", WorkStatus::Open.to_string()),
            ];
            events.push(events::event(
                now,
                actor,
                EventKind::TicketChanged,
                Subject::ticket(survivor.id),
                data,
            ));
        }
        events::insert(&mut transaction, &events).await?;
        commit(transaction).await?;
        Ok(Some(message))
    }

    /// The conversation of a ticket, oldest first: its messages, and the first texts and messages of the tickets
    /// merged into it, each with the ticket it came on. Internal notes only when asked for. The first text of a
    /// merged ticket has the ticket's id.
    ///
    /// **Errors:** `ForeignCursor`, or the database's.
    pub async fn list_messages(
        &self,
        ticket_id: Uuid,
        internal_too: bool,
        page: &PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        let list = format!("messages of {ticket_id} {internal_too}");
        let mut sql = Sql::new(
            &format!(
                "{FAMILY}, said ({COLUMNS}) AS (SELECT {COLUMNS} FROM messages \
                 WHERE ticket_id IN (SELECT member FROM family) UNION ALL \
                 SELECT id, id, 'customer', contact_id, requester_name, 'public', body, created_at FROM tickets \
                 WHERE id IN (SELECT member FROM family) AND id <> $1) SELECT {COLUMNS} FROM said WHERE id > "
            ),
            [ticket_id.into()],
        );
        sql.arg(self.position(page, &list)?.unwrap_or_default());
        if !internal_too {
            sql.push(" AND visibility = ").arg(Visibility::Public.as_str());
        }
        sql.push(" ORDER BY id LIMIT ").arg(page.rows() + 1);
        let mut reader = self.database().reader().await?;
        let rows = sql.all(&mut reader).await.map_err(failed("list messages"))?;
        let messages = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(self.page(messages, page, &list, |message: &Message| message.id.to_string()))
    }
}

pub(crate) async fn insert(to: &mut AnyConnection, messages: &[Message]) -> Result<(), StoreError> {
    let into = format!("INSERT INTO messages ({COLUMNS})");
    let rows = messages.iter().map(values).collect();
    insert_rows(to, &into, rows).await.map_err(failed("store messages"))
}

pub(crate) fn stored(ticket_id: Uuid, message: &ValidMessage, now: OffsetDateTime) -> Message {
    let fields = message.fields().clone();
    Message {
        id: Uuid::now_v7(),
        ticket_id,
        author: fields.author,
        visibility: fields.visibility,
        body: fields.body,
        created_at: now,
    }
}

fn reopens(status: WorkStatus) -> bool {
    matches!(status, WorkStatus::Pending | WorkStatus::Solved)
}

/// Opens a pending or solved ticket again and says whether it did.
async fn reopen(to: &mut AnyConnection, ticket: &Ticket, now: OffsetDateTime) -> Result<bool, StoreError> {
    if !reopens(ticket.status) {
        return Ok(false);
    }
    // Another process may have closed or merged it after it was read.
    let text = "UPDATE tickets SET status = 'open', version = version + 1, updated_at = $1 \
                WHERE id = $2 AND status IN ('pending', 'solved') AND merged_into IS NULL";
    let reopened = Sql::new(text, [now.into(), ticket.id.into()]).execute(to).await;
    Ok(reopened.map_err(failed("reopen a ticket"))? > 0)
}

fn values(message: &Message) -> Vec<Arg> {
    vec![
        message.id.into(),
        message.ticket_id.into(),
        message.author.kind.as_str().into(),
        message.author.id.into(),
        (&message.author.name).into(),
        message.visibility.as_str().into(),
        message.body.as_str().into(),
        message.created_at.into(),
    ]
}

pub(crate) fn read(row: &AnyRow) -> Result<Message, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Message {
        id: columns.id("message id")?,
        ticket_id: columns.id("message ticket")?,
        author: Author {
            kind: columns.word("message author")?,
            id: columns.maybe_id("message author id")?,
            name: columns.maybe_text("message author name")?,
        },
        visibility: columns.word("message visibility")?,
        body: columns.text("message body")?,
        created_at: columns.time("message time")?,
    })
}
