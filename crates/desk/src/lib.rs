//! The words and rules of a support desk, pure: what a ticket may be, who may
//! work on it, and how it is routed. No IO, no async, no models, no HTTP.
//!
//! What a user sends comes here as a `New…` or `…Patch` type and becomes
//! usable only through its `validate`, which names every bad field.

mod account;
mod agent;
pub mod article;
mod causes;
mod contact;
mod correction;
pub mod csv_quotes;
mod decision;
pub mod duplicate;
mod event;
pub mod field;
pub mod incident;
mod merge;
mod message;
pub mod model_version;
mod patch;
pub mod routing;
mod search_log;
mod shadow;
mod suggestion;
mod taxonomy;
mod team;
pub mod text;
mod ticket;
mod token;
mod word;

pub use account::{Account, AccountPatch, NewAccount};
pub use agent::{Agent, AgentPatch, Availability, DEFAULT_CAPACITY, NewAgent};
pub use article::{Article, ArticlePatch, ArticleVersion, ArticleVisibility, NewArticle, Passage};
pub use causes::chain;
pub use contact::{Contact, ContactPatch, NewContact};
pub use correction::{CorrectedField, Correction};
pub use decision::{Decision, LabelChoice, ModelRef, Neighbour, Probability};
pub use duplicate::{Duplicate, DuplicateModel};
pub use event::{Actor, ActorKind, Event, EventKind, Subject, SubjectKind};
pub use field::{FieldCode, FieldError};
pub use incident::{
    Incident, IncidentLink, IncidentState, IncidentSuggestion, IncidentWithTickets, MAX_INCIDENT_TICKETS, NewIncident,
    Report, check_incident_closed, check_incident_open, check_incident_tickets, incident_reply, suggest_incidents,
};
pub use merge::{check_merge, check_not_merged};
pub use message::{Author, AuthorKind, Message, NewMessage, ValidMessage, Visibility};
pub use model_version::{Activation, HeadRole, ModelOrigin, ModelVersion};
pub use patch::{Corrected, TicketPatch};
pub use routing::{AgentLoad, Factor, PassedOver, Resolved, Routing, RoutingRequest, Scored, TeamRef, can_take, route};
pub use search_log::{InsightKind, SearchFeedback, SearchInsight, SearchOutcome, SearchRecord};
pub use shadow::{Challenger, Said, ShadowCounts, ShadowJudgement};
pub use suggestion::{SourceKind, SourceRef, Tally, Verdict};
pub use taxonomy::{Category, Taxonomy};
pub use team::{NewTeam, Team, TeamPatch};
pub use ticket::{Channel, NewTicket, Priority, Ticket, TriageState, ValidTicket, WorkStatus};
pub use token::{ApiToken, NewToken, Role};
pub use word::{UnknownWord, Word};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
