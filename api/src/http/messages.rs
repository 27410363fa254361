//! `/v1/tickets/{id}/messages`: what is said on a ticket after it came in.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use desk::{Author, AuthorKind, Channel, Message, NewMessage, Ticket, Visibility};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::http::failure::store_problem;
use crate::http::json::Body;
use crate::http::login::Agent;
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::query::{List, PageParams, Params, Segment};
use crate::http::tickets::find;
use crate::http::words;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(add, list))
}

/// A message to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    /// Who wrote it.
    author: AuthorBody,
    /// Who may read it; `public` when left out.
    #[schema(value_type = Option<words::Visibility>)]
    visibility: Option<Visibility>,
    /// What it says.
    #[schema(example = "We have sent the second payment back today.")]
    body: String,
}

/// Who wrote a message.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorBody {
    /// Which side speaks.
    #[schema(value_type = words::AuthorKind)]
    kind: AuthorKind,
    /// The contact or agent, where known.
    id: Option<Uuid>,
    /// Name to show.
    name: Option<String>,
}

/// One message on a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// UUIDv7.
    id: Uuid,
    /// The ticket it came on.
    ticket_id: Uuid,
    /// Where it came from, when that is a ticket merged into the one that is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginView>,
    /// Who wrote it.
    author: AuthorBody,
    /// Who may read it.
    #[schema(value_type = words::Visibility)]
    visibility: Visibility,
    /// What it says.
    body: String,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// The merged ticket a message came on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OriginView {
    /// The ticket's id; the message that has it too is the ticket's first text.
    id: Uuid,
    /// Its short number.
    number: i64,
    /// The way it came in.
    #[schema(value_type = words::Channel)]
    channel: Channel,
    /// Its subject line; empty where there was none.
    subject: String,
    /// Address of the person who wrote it.
    requester_email: Option<String>,
}

/// Adds a message to a ticket.
///
/// A merged ticket takes messages too; they are read in the conversation of the ticket it was merged into, which a
/// customer's message opens again when it is pending or solved.
#[utoipa::path(post, operation_id = "add_ticket_message", path = "/tickets/{id}/messages", tag = "tickets", request_body = MessageBody,
    params(("id" = String, Path, description = "The ticket's id, or its short number.")),
    responses((status = 201, body = MessageView), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
async fn add(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    Body(body): Body<MessageBody>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    let actor = login.actor();
    let ticket = find(&app, login, &reference).await?;
    let message = NewMessage::from(body).validate().map_err(Problem::invalid)?;
    let added = app
        .store()
        .add_message(ticket.id, &message, &actor)
        .await
        .map_err(store_problem)?;
    let added = added.ok_or_else(|| Problem::not_found("ticket"))?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Lists the conversation of a ticket, oldest first.
///
/// The first texts and messages of tickets merged into it are among them, each with its origin.
#[utoipa::path(get, operation_id = "list_ticket_messages", path = "/tickets/{id}/messages", tag = "tickets",
    params(("id" = String, Path, description = "The ticket's id, or its short number."), PageParams),
    responses((status = 200, body = List<MessageView>), (status = 404, body = ProblemDocument)))]
async fn list(
    State(app): State<Arc<App>>,
    Agent(login): Agent,
    Segment(reference): Segment,
    Params(params): Params<PageParams>,
) -> Result<Json<List<MessageView>>, Problem> {
    let ticket = find(&app, login, &reference).await?;
    let page = app
        .store()
        .list_messages(ticket.id, true, &params.page_alone()?)
        .await
        .map_err(store_problem)?;
    let merged = app.store().merged_tickets(ticket.id).await.map_err(store_problem)?;
    let origins: HashMap<Uuid, OriginView> = merged.into_iter().map(|ticket| (ticket.id, ticket.into())).collect();
    Ok(Json(List::of(page, |message| MessageView {
        origin: origins.get(&message.ticket_id).cloned(),
        ..MessageView::from(message)
    })))
}

impl From<Ticket> for OriginView {
    fn from(ticket: Ticket) -> Self {
        OriginView {
            id: ticket.id,
            number: ticket.number,
            channel: ticket.channel,
            subject: ticket.subject,
            requester_email: ticket.requester_email,
        }
    }
}

impl From<MessageBody> for NewMessage {
    fn from(
        MessageBody {
            author,
            visibility,
            body,
        }: MessageBody,
    ) -> Self {
        let AuthorBody { kind, id, name } = author;
        NewMessage {
            author: Author { kind, id, name },
            visibility: visibility.unwrap_or(Visibility::Public),
            body,
        }
    }
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        let Author { kind, id, name } = message.author;
        MessageView {
            id: message.id,
            ticket_id: message.ticket_id,
            origin: None,
            author: AuthorBody { kind, id, name },
            visibility: message.visibility,
            body: message.body,
            created_at: message.created_at,
        }
    }
}
