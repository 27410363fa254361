//! Query strings and path segments, read with the same care as bodies.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use desk::Word;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::http::json::typed;
use crate::http::problem::{BadField, Problem};

/// Most rows of a page.
const MAX_LIMIT: u32 = 200;

/// The query string as `T`, whose fields are texts: unknown parameters are refused, and NUL, which PostgreSQL
/// does not take.
pub struct Params<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut given = Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.contains('\0') {
                return Err(Problem::invalid_field(
                    &name,
                    "control_character",
                    "must not contain a NUL",
                ));
            }
            if given
                .insert(name.to_string(), Value::String(value.into_owned()))
                .is_some()
            {
                return Err(Problem::invalid_field(&name, "repeated", "may be given once"));
            }
        }
        typed(Value::Object(given)).map(Params).map_err(Problem::invalid)
    }
}

/// An id in a path; what is no UUID names nothing.
pub struct Id(pub Uuid);

impl FromRequestParts<Arc<App>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Segment(segment) = Segment::from_request_parts(parts, app).await?;
        Uuid::from_str(&segment).map(Id).map_err(|_| {
            let fault = BadField::new("id", "malformed", "is not a UUID");
            Problem::not_found("resource").with_errors(vec![fault])
        })
    }
}

/// The one variable segment of a path, as text.
pub struct Segment(pub String);

impl FromRequestParts<Arc<App>> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let segment = Path::<String>::from_request_parts(parts, app).await;
        segment
            .map(|Path(segment)| Segment(segment))
            .map_err(|_| Problem::not_found("resource"))
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Rows wanted, 1 to 200; 50 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// `next_cursor` of the page before; none for the first page.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows, in the list's stable order.
    pub items: Vec<T>,
    /// `cursor` of the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl PageParams {
    /// The page asked for; a limit that is no number between 1 and 200 is noted in `faults`.
    pub fn page(self, faults: &mut Vec<BadField>) -> store::PageRequest {
        store::PageRequest {
            limit: read("limit", self.limit, faults, whole_number(1..=MAX_LIMIT)),
            cursor: self.cursor,
        }
    }

    /// The page asked for.
    ///
    /// **Errors:** a limit that is no number between 1 and 200.
    pub fn page_alone(self) -> Result<store::PageRequest, Problem> {
        let mut faults = Vec::new();
        let page = self.page(&mut faults);
        refuse_faults(faults)?;
        Ok(page)
    }
}

impl<T> List<T> {
    /// A page of the store as the caller sees it.
    pub fn of<R>(page: store::Page<R>, view: impl FnMut(R) -> T) -> Self {
        List {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next,
        }
    }
}

/// The parsed parameter; a fault is noted and nothing returned.
pub fn read<T>(
    name: &str,
    given: Option<String>,
    faults: &mut Vec<BadField>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    match parse(given.as_deref()?) {
        Ok(value) => Some(value),
        Err(message) => {
            faults.push(BadField::new(name, "malformed", message));
            None
        }
    }
}

/// A UUID.
pub fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::from_str(text).map_err(|_| "is not a UUID".to_owned())
}

/// A word of an enum.
pub fn word<T: Word>(text: &str) -> Result<T, String> {
    T::find(text).ok_or_else(|| {
        let known: Vec<&str> = T::all().iter().map(|word| word.word()).collect();
        format!("is none of {}", known.join(", "))
    })
}

/// A whole number of a range.
pub fn whole_number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + Display,
{
    move |text| {
        let number = text.parse::<T>().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| no_whole_number(&range))
    }
}

/// Why a text is no whole number of a range, in words.
pub fn no_whole_number<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("must be a whole number from {} to {}", range.start(), range.end())
}

/// A text that is no longer than what it is compared with. **Units:** Unicode characters.
pub fn at_most(max_chars: usize) -> impl Fn(&str) -> Result<String, String> {
    move |text| match text.chars().count() {
        length if length > max_chars => Err(format!("has {length} characters, at most {max_chars}")),
        _ => Ok(text.to_owned()),
    }
}

/// A language code.
pub fn language(text: &str) -> Result<String, String> {
    match desk::field::filter_faults(&[], Some(text)).pop() {
        Some(fault) => Err(fault.message),
        None => Ok(text.to_owned()),
    }
}

/// Yes or no.
pub fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "is none of true, false".to_owned())
}

/// Nothing, where no fault was noted.
///
/// **Errors:** 422 with every fault.
pub fn refuse_faults(faults: Vec<BadField>) -> Result<(), Problem> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(faults))
    }
}
