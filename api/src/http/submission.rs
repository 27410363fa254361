//! A submission as it arrives: its body, and the name the caller gave the request.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName};
use desk::NewTicket;
use serde::de::DeserializeOwned;
use store::IdempotencyKey;

use crate::app::App;
use crate::http::failure::store_problem;
use crate::http::json;
use crate::http::login::Login;
use crate::http::problem::Problem;
use crate::http::ticket_body::TicketBody;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The bytes of a submission, which the idempotency key binds, and its headers.
pub struct Submission {
    bytes: Bytes,
    headers: HeaderMap,
}

impl FromRequest<Arc<App>> for Submission {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let bytes = json::bytes(request, app).await?;
        Ok(Submission { bytes, headers })
    }
}

impl Submission {
    /// The ticket in the body.
    ///
    /// **Errors:** 400 where it is not JSON, 422 naming every field that does not fit.
    pub fn ticket(&self) -> Result<NewTicket, Problem> {
        self.body::<TicketBody>().map(NewTicket::from)
    }

    /// The body as `T`.
    ///
    /// **Errors:** 400 where it is not JSON, 422 naming every field that does not fit.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::parse(&self.bytes)
    }

    /// The caller's name for this request, where they gave one.
    ///
    /// **Errors:** a name that is no visible ASCII or too long.
    pub fn key(&self, login: &Login) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(given) = self.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let key = given.to_str().unwrap_or_default();
        IdempotencyKey::new(login.token().id, key, &self.bytes)
            .map(Some)
            .map_err(store_problem)
    }
}
