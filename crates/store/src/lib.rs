//! The desk's rows in SQL: SQLite by default, PostgreSQL by URL, one SQL text for both.
//!
//! The tickets table is the queue of triage: a row is durable in state
//! `received` before anyone answers, is claimed by one process at a time, and
//! leaves that state exactly once. Submissions and decisions of many callers
//! are committed in groups.

mod accounts;
mod agents;
mod article_heads;
mod articles;
mod change_count;
mod config;
mod contacts;
mod corrections;
mod counts;
mod cursor;
mod database;
mod decide;
mod error;
mod events;
mod folder;
mod guards;
mod idempotency;
mod incident_changes;
mod incident_replies;
mod incident_reports;
mod incidents;
mod merges;
mod messages;
mod micros;
mod model_files;
mod models;
mod noun;
mod page;
mod passages;
mod queue;
mod readers;
mod row;
mod search_log;
mod settings;
mod shadows;
mod sql;
mod store;
mod submit;
mod suggestions;
mod teams;
mod ticket_patch;
mod ticket_row;
mod tickets;
mod tokens;
mod turns;
mod writer;

pub use article_heads::ArticleHead;
pub use articles::ArticleFilter;
pub use config::StoreConfig;
pub use counts::Counts;
pub use decide::Recorded;
pub use error::{Fault, StoreError};
pub use folder::DataFolder;
pub use idempotency::IdempotencyKey;
pub use incident_replies::IncidentReply;
pub use micros::now;
pub use model_files::ModelFile;
pub use models::{NewActivation, NewModelVersion};
pub use page::{Page, PageRequest};
pub use queue::{Failed, RetryPolicy};
pub use search_log::InsightFilter;
pub use store::Store;
pub use submit::{Submission, Submitted};
pub use suggestions::StaleArticle;
pub use tickets::TicketFilter;
pub use tokens::{CreatedToken, TokenCheck};
pub use turns::Turn;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
