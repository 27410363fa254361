//! Who calls: the bearer token and its role, as extractors in a handler's signature.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use desk::{Actor, ApiToken, Role};
use store::TokenCheck;

use crate::app::App;
use crate::http::failure::store_problem;
use crate::http::problem::Problem;

/// A caller whose token is good and who has not asked too much.
#[derive(Debug, Clone)]
pub struct Login(ApiToken);

/// A caller who may search and read public articles: every role.
pub struct Customer(pub Login);

/// A caller who may submit tickets and read back their answers.
pub struct Intake(pub Login);

/// A caller who may work on tickets.
pub struct Agent(pub Login);

/// A caller who may change the desk.
pub struct Admin(pub Login);

impl Login {
    /// The caller as the audit names them.
    pub fn actor(&self) -> Actor {
        Actor::token(self.0.id, &self.0.name)
    }

    /// The token in use.
    pub fn token(&self) -> &ApiToken {
        &self.0
    }

    /// Whether the caller may do what `role` may.
    pub fn covers(&self, role: Role) -> bool {
        self.0.role.covers(role)
    }

    /// The caller, where they may do what `role` may.
    ///
    /// **Errors:** 403, naming the role that is missing.
    pub fn require(self, role: Role) -> Result<Self, Problem> {
        if self.covers(role) {
            return Ok(self);
        }
        let detail = format!(
            "This needs a token with the role {role}; the one that was sent has {}.",
            self.0.role
        );
        Err(Problem::new(StatusCode::FORBIDDEN, "wrong-role", detail))
    }
}

impl FromRequestParts<Arc<App>> for Login {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let secret = bearer(&parts.headers)?;
        let login = match app.store().check_token(secret).await.map_err(store_problem)? {
            TokenCheck::Valid(token) => Login(token),
            TokenCheck::Revoked(_) => return Err(unauthorized("This token has been revoked.")),
            TokenCheck::Unknown => return Err(unauthorized("This token is not known here.")),
        };
        app.limits.check(login.0.id).map_err(too_fast)?;
        Ok(login)
    }
}

macro_rules! role_extractor {
    ($name:ident, $role:expr) => {
        impl FromRequestParts<Arc<App>> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
                Login::from_request_parts(parts, app)
                    .await?
                    .require($role)
                    .map($name)
            }
        }
    };
}

role_extractor!(Customer, Role::Customer);
role_extractor!(Intake, Role::Intake);
role_extractor!(Agent, Role::Agent);
role_extractor!(Admin, Role::Admin);

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing =
        || unauthorized("Send the header `Authorization: Bearer <token>`; `deskwise token create` makes one.");
    let given = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, secret) = given
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(secret.trim())
    } else {
        Err(missing())
    }
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

fn too_fast(wait: std::time::Duration) -> Problem {
    let detail = "This token has asked more than its rate allows. Come back after `Retry-After` seconds.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail).retry_after(wait)
}
