//! From bytes to a typed body: everything that can be wrong with JSON becomes a problem that names the field.
//!
//! serde stops at the first fault. Here the faulty field is noted and taken out and the rest is read again, so that
//! one answer names every bad field. Messages are our own: serde's name Rust types and repeat what was sent.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::http::problem::{BadField, Problem};

/// How the body as a whole is named.
pub const WHOLE_BODY: &str = "(body)";
/// Faults named in one answer at most.
const MAX_FAULTS: usize = 20;

/// A request body, read as JSON into `T`.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        bytes(request, state).await.and_then(|bytes| parse(&bytes)).map(Body)
    }
}

/// The bytes of a body that says it is JSON.
///
/// **Errors:** 415 for another media type, 413 for too many bytes.
pub async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    check_content_type(request.headers())?;
    Bytes::from_request(request, state).await.map_err(unreadable)
}

/// A body's bytes as `T`.
///
/// **Errors:** 400 where it is not JSON, 422 naming every field that does not fit.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value: Value = read(bytes).map_err(|fault| Problem::malformed(vec![fault]))?;
    if !value.is_object() {
        return Err(Problem::malformed(vec![BadField::new(
            WHOLE_BODY,
            "wrong_type",
            "must be a JSON object",
        )]));
    }
    typed(value).map_err(Problem::invalid)
}

/// A value as `T`, or every field that does not fit, by name.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Vec<BadField>> {
    collect(value).map_err(|mut faults| {
        faults.sort_by(|a, b| a.field.cmp(&b.field));
        faults
    })
}

fn collect<T: DeserializeOwned>(mut value: Value) -> Result<T, Vec<BadField>> {
    let mut faults: Vec<BadField> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize(value.clone()) {
            Ok(typed) if faults.is_empty() => return Ok(typed),
            Ok(_) => return Err(faults),
            Err(error) => error,
        };
        let fault = explain(error.path(), error.inner());
        let seen = faults.iter().any(|earlier| earlier.field == fault.field);
        if !seen {
            faults.push(fault);
        }
        // A required field that was taken out is now missing: nothing further can be learnt.
        if seen || faults.len() == MAX_FAULTS || !take_out(&mut value, error.path()) {
            return Err(faults);
        }
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let media = given
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let json = media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json");
    if json {
        return Ok(());
    }
    let detail = "Bodies must be sent with the header `Content-Type: application/json`.";
    let fault = BadField::new("Content-Type", "unsupported", "must be application/json");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail).with_errors(vec![fault]))
}

fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let fault = BadField::new(WHOLE_BODY, "too_long", "is larger than this server takes");
        return Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE).with_errors(vec![fault]);
    }
    Problem::malformed(vec![BadField::new(
        WHOLE_BODY,
        "unreadable",
        "ended before it was complete",
    )])
}

fn read(bytes: &[u8]) -> Result<Value, BadField> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| not_json(bytes, &field_name(error.path()), error.inner()))?;
    reader.end().map_err(|error| not_json(bytes, WHOLE_BODY, &error))?;
    Ok(value)
}

fn not_json(bytes: &[u8], field: &str, error: &serde_json::Error) -> BadField {
    let place = format!("line {}, column {}", error.line(), error.column());
    let outermost = field.split(['.', '[']).next().unwrap_or(field);
    let said = error.to_string();
    let (code, message) = if std::str::from_utf8(bytes).is_err() && said.contains("invalid unicode") {
        ("invalid_utf8", format!("contains bytes that are not UTF-8 ({place})"))
    } else if said.contains("surrogate") || said.contains("hex escape") {
        (
            "lone_surrogate",
            format!("contains half of a surrogate pair, which is not a character ({place})"),
        )
    } else if said.contains("control character") {
        (
            "control_character",
            format!("contains a raw control character ({place})"),
        )
    } else if said.contains("recursion limit") {
        return BadField::new(outermost, "too_deep", "is nested deeper than this server reads");
    } else if said.contains("out of range") {
        (
            "out_of_range",
            format!("contains a number beyond what can be read ({place})"),
        )
    } else if bytes.iter().all(u8::is_ascii_whitespace) {
        ("empty", "must be a JSON object, but is empty".to_owned())
    } else {
        ("not_json", format!("is not JSON ({place})"))
    };
    BadField::new(field, code, message)
}

/// A fault in our own words; serde's words are told apart by how they begin.
fn explain(path: &Path, error: &serde_json::Error) -> BadField {
    let field = field_name(path);
    let said = error.to_string();
    if let Some(missing) = said.strip_prefix("missing field `") {
        let name = missing.split('`').next().unwrap_or_default();
        let field = if field == WHOLE_BODY {
            name.to_owned()
        } else {
            format!("{field}.{name}")
        };
        return BadField::new(field, "missing", "must be given");
    }
    if said.starts_with("unknown field") {
        return BadField::new(
            field,
            "unknown_field",
            format!("is not a field here{}", expected(&said)),
        );
    }
    if said.starts_with("unknown variant") {
        return BadField::new(
            field,
            "unknown",
            format!("is not a value of this field{}", expected(&said)),
        );
    }
    if said.starts_with("invalid type") {
        return BadField::new(field, "wrong_type", format!("must be {}", wanted(&said)));
    }
    BadField::new(field, "malformed", format!("must be {}", wanted(&said)))
}

/// The list serde gives after "expected", which holds names of ours alone.
fn expected(said: &str) -> String {
    match said.split_once(", expected ") {
        Some((_, list)) => format!("; expected {}", list.replace('`', "")),
        None => String::new(),
    }
}

/// What a field should have held, without the names of Rust types.
fn wanted(said: &str) -> String {
    let wanted = said
        .rsplit_once("expected ")
        .map_or("of another form", |(_, wanted)| wanted);
    let wanted = wanted.split(" at line ").next().unwrap_or(wanted);
    match wanted {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "string" => "a string".to_owned(),
        "option" => "a value or null".to_owned(),
        structure if structure.starts_with("struct ") => "a JSON object".to_owned(),
        variants if variants.contains("enum ") => "one of the values of this field".to_owned(),
        _ if said.starts_with("UUID parsing failed") || said.contains("UUID") => "a UUID".to_owned(),
        other => other.to_owned(),
    }
}

fn field_name(path: &Path) -> String {
    let mut name = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => name.push_str(&format!("[{index}]")),
            Segment::Map { key } => push_key(&mut name, key),
            Segment::Enum { variant } => push_key(&mut name, variant),
            Segment::Unknown => {}
        }
    }
    if name.is_empty() { WHOLE_BODY.to_owned() } else { name }
}

fn push_key(name: &mut String, key: &str) {
    if !name.is_empty() {
        name.push('.');
    }
    // What a caller sends as a key is repeated, but never at length.
    name.extend(key.chars().take(100).filter(|c| !c.is_control()));
}

/// Takes the value at a path out; whether there was one.
fn take_out(value: &mut Value, path: &Path) -> bool {
    let segments: Vec<&Segment> = path.iter().collect();
    let Some((last, parents)) = segments.split_last() else {
        return false;
    };
    let parent = parents.iter().try_fold(value, |value, segment| child(value, segment));
    match (parent, last) {
        (Some(Value::Object(map)), Segment::Map { key }) => map.remove(key).is_some(),
        (Some(Value::Array(list)), Segment::Seq { index }) if *index < list.len() => {
            list.clear();
            true
        }
        _ => false,
    }
}

fn child<'v>(value: &'v mut Value, segment: &Segment) -> Option<&'v mut Value> {
    match segment {
        Segment::Map { key } => value.get_mut(key),
        Segment::Seq { index } => value.get_mut(index),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ticket_body::TicketBody;

    fn check(body: &[u8], expect: &[(&str, &str)]) {
        let faults = match parse::<TicketBody>(body) {
            Ok(_) => Vec::new(),
            Err(problem) => problem.document("", "").errors,
        };
        let found: Vec<_> = faults.iter().map(|f| (f.field.as_str(), f.code.as_str())).collect();
        assert_eq!(found, expect, "{faults:?}");
    }

    #[test]
    fn what_is_not_json_is_said_where() {
        check(b"", &[("(body)", "empty")]);
        check(b"hello", &[("(body)", "not_json")]);
        check(b"{\"body\": \"x\"} trailing", &[("(body)", "not_json")]);
        check(b"[1]", &[("(body)", "wrong_type")]);
        check(b"{\"body\": \"a\xff\"}", &[("body", "invalid_utf8")]);
        check(br#"{"body": "a\ud800"}"#, &[("body", "lone_surrogate")]);
        check(br#"{"tags": ["ok", "\udc00"]}"#, &[("tags[1]", "lone_surrogate")]);
        check(b"{\"body\": \"a\0b\"}", &[("body", "control_character")]);
        check(
            format!("{{\"body\": {}", "[".repeat(5_000)).as_bytes(),
            &[("body", "too_deep")],
        );
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        check(
            br#"{"subject": 5, "body": "x", "priority": "high"}"#,
            &[("priority", "unknown_field"), ("subject", "wrong_type")],
        );
        check(br#"{"subject": "s"}"#, &[("body", "missing")]);
        check(
            br#"{"body": 7, "tags": "x"}"#,
            &[("body", "wrong_type"), ("tags", "wrong_type")],
        );
        check(br#"{"body": "x", "tags": ["a", 3]}"#, &[("tags[1]", "wrong_type")]);
        check(br#"{"body": "x", "channel": "pigeon"}"#, &[("channel", "unknown")]);
        check(br#"{"body": "x", "account_id": "7"}"#, &[("account_id", "malformed")]);
    }

    #[test]
    fn messages_name_no_type_of_ours_and_repeat_nothing() {
        let problem = parse::<TicketBody>(br#"{"body": {"secret": 1}, "channel": "hush"}"#).err();
        let text = format!("{:?}", problem.map(|p| p.document("", "").errors));
        for leaked in ["TicketBody", "secret", "hush", "struct"] {
            assert!(!text.contains(leaked), "{text}");
        }
    }
}
