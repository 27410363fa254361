//! Optimistic concurrency over HTTP: a version goes out as `ETag` and comes back as `If-Match`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};

use crate::app::App;
use crate::http::problem::{BadField, Problem};

/// The version a change was made from, out of `If-Match`.
pub struct IfMatch(pub i64);

impl FromRequestParts<Arc<App>> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let given = parts.headers.get(header::IF_MATCH).ok_or_else(missing)?;
        let tag = given.to_str().map_err(|_| malformed())?;
        version(tag).map(IfMatch).ok_or_else(malformed)
    }
}

/// The `ETag` header of a version.
pub fn etag(version: i64) -> [(HeaderName, HeaderValue); 1] {
    let tag = HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    [(header::ETAG, tag)]
}

/// The version in an entity tag; a weak one does not do for a change (RFC 9110, section 13.1.1).
fn version(tag: &str) -> Option<i64> {
    tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

fn missing() -> Problem {
    let detail = "Changes need the header `If-Match` with the ETag of the version they were made from.";
    let fault = BadField::new("If-Match", "missing", "must be given");
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail).with_errors(vec![fault])
}

fn malformed() -> Problem {
    let detail = "The header `If-Match` must repeat one ETag as it was given out, for example \"3\" with its quotes.";
    let fault = BadField::new("If-Match", "malformed", "is not an ETag of this server");
    Problem::new(StatusCode::PRECONDITION_FAILED, "stale-version", detail).with_errors(vec![fault])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_are_written() {
        assert_eq!(etag(12)[0].1, "\"12\"");
        assert_eq!(version("\"12\""), Some(12));
        for foreign in ["12", "W/\"12\"", "\"x\"", "*", "\"1\", \"2\""] {
            assert_eq!(version(foreign), None, "{foreign}");
        }
    }
}
