//! The desk's enums as schemas, made from the enums themselves.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! word_schema {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = desk::$name::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+ };
}

word_schema! {
    /// How soon a ticket needs someone.
    Priority,
    /// How far triage has come.
    TriageState,
    /// How far people have come.
    WorkStatus,
    /// The way a ticket came in.
    Channel,
    /// Whether an agent takes new tickets.
    Availability,
    /// Who speaks.
    AuthorKind,
    /// Who may read a message.
    Visibility,
    /// Who may read an article.
    ArticleVisibility,
    /// Why a query deserves an author's attention.
    InsightKind,
    /// Whether an incident is worked on.
    IncidentState,
    /// What happened.
    EventKind,
    /// What kind of doer acted.
    ActorKind,
    /// What a head decides.
    HeadRole,
    /// Where a version of a head comes from.
    ModelOrigin,
    /// What a suggestion was taken from.
    SourceKind,
    /// What an agent did with a suggestion.
    Verdict,
}
