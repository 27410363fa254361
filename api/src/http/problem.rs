//! What a caller is told when something cannot be done: RFC 9457 problem documents.
//!
//! A problem carries what the caller may know. Its cause stays inside: the envelope logs the whole chain once and
//! writes the document, so that every problem, also one of a layer or of routing, has the same shape and a request id.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Something that could not be done, as the caller sees it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    errors: Vec<BadField>,
    retry_after: Option<Duration>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BadField {
    /// Where: a path such as `author.name` or `tags[2]`, a query parameter, a header, or `(body)` for the whole body.
    #[schema(example = "body")]
    pub field: String,
    /// The reason for programs.
    #[schema(example = "empty")]
    pub code: String,
    /// The reason for people, without the field's content.
    #[schema(example = "must not be empty or blank")]
    pub message: String,
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// Names the kind of problem.
    #[schema(example = "urn:deskwise:problem:invalid-fields")]
    pub r#type: String,
    /// The status in words.
    #[schema(example = "Unprocessable Entity")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What happened and what to do, for people.
    pub detail: String,
    /// The path that was called.
    #[schema(example = "/v1/tickets")]
    pub instance: String,
    /// Names this request in the server's log.
    pub request_id: String,
    /// Every bad field; absent where fields are not the problem.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<BadField>,
}

impl BadField {
    /// A bad field.
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        BadField {
            field: field.into(),
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

impl From<FieldError> for BadField {
    fn from(error: FieldError) -> Self {
        BadField::new(error.field, error.code.as_str(), error.message)
    }
}

impl Problem {
    /// A problem of a kind, with the words for the caller.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            status,
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// The body or another part of the request is not of the form it must have.
    pub fn malformed(errors: Vec<BadField>) -> Self {
        let detail = "The request cannot be read; `errors` says where.";
        Problem::new(StatusCode::BAD_REQUEST, "malformed-request", detail).with_errors(errors)
    }

    /// Fields that cannot be accepted.
    pub fn invalid<E: Into<BadField>>(errors: impl IntoIterator<Item = E>) -> Self {
        let detail = "Nothing was stored: `errors` names every field that cannot be accepted.";
        let errors = errors.into_iter().map(Into::into).collect();
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", detail).with_errors(errors)
    }

    /// One field that cannot be accepted.
    pub fn invalid_field(field: &str, code: &str, message: impl Into<String>) -> Self {
        Problem::invalid([BadField::new(field, code, message)])
    }

    /// Nothing has this id.
    pub fn not_found(what: &str) -> Self {
        Problem::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("There is no {what} with this id."),
        )
    }

    /// Too much at once.
    pub fn busy(retry_after: Duration) -> Self {
        let detail = "The desk has more to do than it can take on. Send the request again after `Retry-After` seconds.";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail).retry_after(retry_after)
    }

    /// A part the desk needs is out of reach.
    pub fn unavailable(detail: &str) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(Duration::from_secs(2))
    }

    /// A fault of ours.
    pub fn internal() -> Self {
        let detail = "Something went wrong inside the desk. The request id finds it in the log.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The problem that a bare status stands for.
    pub fn of_status(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::NOT_FOUND => (
                "no-such-route",
                "There is nothing at this path. /docs lists what there is.",
            ),
            StatusCode::METHOD_NOT_ALLOWED => (
                "method-not-allowed",
                "This path takes other methods; `Allow` names them.",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "The body is larger than this server takes."),
            StatusCode::SERVICE_UNAVAILABLE => (
                "timeout",
                "The answer took too long. What was acknowledged is kept; ask again.",
            ),
            status if status.is_server_error() => return Problem::internal(),
            _ => ("bad-request", "The request cannot be answered."),
        };
        Problem::new(status, kind, detail)
    }

    /// Adds fields.
    pub fn with_errors(mut self, errors: Vec<BadField>) -> Self {
        self.errors = errors;
        self
    }

    /// Says when to come back.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Keeps what went wrong, for the log alone.
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The chain of causes, for the log.
    pub fn chain(&self) -> Option<String> {
        let first = self.cause.as_ref()?;
        Some(desk::chain(first.as_ref()))
    }

    /// The document for one request.
    pub fn document(&self, instance: &str, request_id: &str) -> ProblemDocument {
        ProblemDocument {
            r#type: format!("urn:deskwise:problem:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }
}

/// An answer without a body: the envelope writes the document, which needs the request's id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
