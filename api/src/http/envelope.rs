//! What surrounds every request: its id, its span, its figures, its log line, and the document of its problem.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use crate::http::problem::{PROBLEM_JSON, Problem};

/// The header that carries a request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id taken from a caller. **Units:** characters.
const MAX_ID_CHARS: usize = 64;

/// What the log line and the figures say of a request.
struct Asked {
    id: String,
    method: Method,
    path: String,
    route: String,
    began: Instant,
}

/// Runs a request inside its envelope.
pub async fn envelop(request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let span = tracing::info_span!("request", request.id = %asked.id, http.route = %asked.route);
    async {
        let response = next.run(request).await;
        finish(&asked, response)
    }
    .instrument(span)
    .await
}

impl Asked {
    fn of(request: &Request) -> Self {
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("none", MatchedPath::as_str);
        Asked {
            id: request_id(request.headers()),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            route: route.to_owned(),
            began: Instant::now(),
        }
    }
}

/// The caller's id where it is short and plain, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given
        .filter(|id| is_plain(id))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

fn is_plain(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    (1..=MAX_ID_CHARS).contains(&id.len()) && id.chars().all(plain)
}

fn finish(asked: &Asked, response: Response) -> Response {
    let problem = problem_of(&response);
    let status = response.status();
    count(asked, status.as_u16());
    log(asked, status.as_u16(), problem.as_ref());
    let mut response = match problem {
        Some(problem) => written(asked, &problem, response),
        None => response,
    };
    if let Ok(id) = HeaderValue::from_str(&asked.id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The problem in a response; one of its bare status where a layer or the router refused.
fn problem_of(response: &Response) -> Option<Problem> {
    let known = response.extensions().get::<Problem>().cloned();
    let refused = response.status().is_client_error() || response.status().is_server_error();
    known.or_else(|| refused.then(|| Problem::of_status(response.status())))
}

fn written(asked: &Asked, problem: &Problem, response: Response) -> Response {
    let document = problem.document(&asked.path, &asked.id);
    let json = serde_json::to_vec(&document).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json))
}

fn count(asked: &Asked, status: u16) {
    let labels = [
        ("method", counted_as(&asked.method).to_owned()),
        ("route", asked.route.clone()),
        ("status", status.to_string()),
    ];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels[..2]).record(asked.began.elapsed());
}

/// A method as a label: any word is a method to HTTP, and a label that callers choose would grow without end.
fn counted_as(method: &Method) -> &str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    if KNOWN.contains(method) {
        method.as_str()
    } else {
        "other"
    }
}

/// One line a request, with the whole chain of causes where something failed; never a query or a body.
fn log(asked: &Asked, status: u16, problem: Option<&Problem>) {
    let duration_ms = millis(asked.began.elapsed());
    let method = asked.method.as_str();
    match problem.and_then(Problem::chain) {
        Some(error) if status >= 500 => {
            tracing::error!(http.method = method, http.status = status, duration_ms, error, "failed");
        }
        Some(error) => tracing::info!(
            http.method = method,
            http.status = status,
            duration_ms,
            error,
            "refused"
        ),
        None => tracing::info!(http.method = method, http.status = status, duration_ms, "answered"),
    }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_nobody_knows_is_no_label() {
        let made_up = Method::from_bytes(b"AAA1").expect("a method");
        assert_eq!((counted_as(&Method::PATCH), counted_as(&made_up)), ("PATCH", "other"));
    }

    #[test]
    fn ids_of_callers_are_kept_when_plain() {
        for good in ["a", "trace-1.2:3_4", &"x".repeat(64)] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "a b", "ñ", "a\n", &"x".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
