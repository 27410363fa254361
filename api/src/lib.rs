//! The desk over HTTP, and the command line around it.
//!
//! Here the world is read: settings, files, signals, sockets. What a ticket is lives in `desk`, what happens to it in
//! `triage`; a handler parses, makes one call and shows the result.

pub mod app;
mod background;
pub mod cli;
pub mod config;
mod figures;
pub mod http;
pub mod import;
pub mod learning;
mod logging;
pub mod open;
pub mod reindex;
pub mod rephrase;
pub mod sample;
pub mod sample_articles;
mod secret;
mod shipped;
