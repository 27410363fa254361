//! The desk from outside: the real program, over HTTP and as a command.

mod access;
mod articles;
mod bad_input;
mod command_line;
mod crash;
mod desk_under_test;
mod embeddings;
mod evaluation;
mod evaluation_suites;
mod fusion;
mod import;
mod knowledge_search;
mod operation;
mod outages;
mod people;
mod tickets;
