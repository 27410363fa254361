//! The desk from outside: the real program, over HTTP and as a command.

mod access;
mod articles;
mod bad_input;
mod command_line;
mod crash;
mod desk_under_test;
mod duplicates;
mod embeddings;
mod evaluation;
mod evaluation_suites;
mod fusion;
mod import;
mod incident_workflow;
mod incidents;
mod instant;
mod knowledge_search;
mod merges;
mod models;
mod operation;
mod outages;
mod people;
mod search_insights;
mod shadow;
mod stand_in;
mod suggestions;
mod tickets;
