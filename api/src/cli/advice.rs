//! What to do next after an error.

use std::fmt::Write;

use anyhow::Error;
use desk::FieldError;
use knowledge::KnowledgeError;
use store::StoreError;
use triage::TriageError;

use crate::config::ConfigError;
use crate::http::ServerError;
use crate::learning::LearningError;

/// Prints an error with its causes, and what to do next where that is known.
pub fn print(error: &Error) {
    eprint!("{}", told(error));
}

fn told(error: &Error) -> String {
    let mut told = format!("error: {error}\n");
    let mut add = |what: &str, text: &str| {
        // A text takes everything that is written to it.
        let _ = writeln!(told, "  {what}: {text}");
    };
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            add("because", &cause);
        }
        said = cause;
    }
    for field in fields(error) {
        add("because", &field.to_string());
    }
    if let Some(next) = next_step(error) {
        add("what to do", &next);
    }
    told
}

/// Every field that was refused.
fn fields(error: &Error) -> &[FieldError] {
    let refused = error.chain().find_map(|cause| {
        let of_store = match cause.downcast_ref() {
            Some(StoreError::Invalid(fields)) => Some(fields),
            _ => None,
        };
        let of_knowledge = match cause.downcast_ref() {
            Some(KnowledgeError::Invalid(fields)) => Some(fields),
            _ => None,
        };
        let of_triage = match cause.downcast_ref() {
            Some(TriageError::Invalid(fields)) => Some(fields),
            _ => None,
        };
        of_store.or(of_knowledge).or(of_triage)
    });
    refused.map_or(&[], Vec::as_slice)
}

fn next_step(error: &Error) -> Option<String> {
    if !fields(error).is_empty() {
        return Some("correct what is named, then run the command again".to_owned());
    }
    error.chain().find_map(|cause| {
        let of_version = cause.downcast_ref().and_then(learning);
        of_version
            .or_else(|| cause.downcast_ref().map(store))
            .or_else(|| cause.downcast_ref().and_then(search))
            .or_else(|| cause.downcast_ref().map(server))
            .or_else(|| cause.downcast_ref::<ConfigError>().map(|_| config()))
            .or_else(|| cause.downcast_ref::<manifest::ManifestError>().map(|_| model()))
    })
}

fn learning(error: &LearningError) -> Option<String> {
    let next = match error {
        LearningError::NoVersion { head, .. } => {
            format!("choose one of those that `deskwise model show {head}` lists")
        }
        LearningError::NothingBefore { head } => {
            format!("activate the version you want: `deskwise model activate {head} VERSION`")
        }
        LearningError::InForce { head, .. } => {
            format!("name another version; `deskwise model shadow {head} off` ends a trial")
        }
        LearningError::Unusable { head, .. } => format!(
            "choose another version (`deskwise model show {head}`), or train this head anew and add it with `deskwise \
             model add {head} FOLDER`"
        ),
        LearningError::Add { .. } => {
            "add a head that `deskwise train classify` has made with the encoder and the labels in use".to_owned()
        }
        LearningError::Known { head, version, .. } => {
            format!("use what is there: `deskwise model activate {head} {version}`")
        }
        // The cause knows.
        LearningError::Store(_) | LearningError::Interrupted(_) => return None,
    };
    Some(next)
}

fn store(error: &StoreError) -> String {
    match error {
        StoreError::FolderInUse { .. } => folder_in_use(),
        StoreError::FolderNotWritable { path, .. } => format!(
            "make {} writable for this user, or give another folder with --data-dir DIR",
            path.display()
        ),
        StoreError::DiskFull { .. } => "free some space on the disk of the data folder, then start again".to_owned(),
        StoreError::ReadOnly { .. } => {
            "make the database file in the data folder writable, or give another folder with --data-dir DIR".to_owned()
        }
        StoreError::Unreachable { .. } => {
            "check that the database runs and that store.url names it (deskwise config shows it)".to_owned()
        }
        StoreError::UnsupportedUrl => {
            "set store.url to postgres://user:password@host/database, or leave it out".to_owned()
        }
        // Numbers are given by the desk: another process was given the same one.
        StoreError::Taken { field: "number" } => "run the command again; another process came first".to_owned(),
        StoreError::Taken { field } => format!("choose another {field}; no two may share one"),
        _ => "run the command again; if it fails again, this message helps to report it".to_owned(),
    }
}

fn search(error: &search::Error) -> Option<String> {
    matches!(error, search::Error::FolderInUse { .. }).then(folder_in_use)
}

fn folder_in_use() -> String {
    "stop the other deskwise first, or give this one another folder with --data-dir DIR".to_owned()
}

fn server(error: &ServerError) -> String {
    match error {
        ServerError::InUse { .. } => {
            "stop the program that has this port, or choose another with --listen 127.0.0.1:8081".to_owned()
        }
        ServerError::Listen { .. } => "choose an address of this machine with --listen 127.0.0.1:8080".to_owned(),
    }
}

fn config() -> String {
    "correct the setting; `deskwise config` prints the keys with what is in force".to_owned()
}

fn model() -> String {
    "fetch the weights with `deskwise model pull`; a folder that was changed by hand must be made anew".to_owned()
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use desk::{HeadRole, NewToken, Role};

    use super::*;

    fn check(error: impl Into<Error>, expect: &[&str]) {
        let told = told(&error.into());
        for words in expect {
            assert!(told.contains(words), "no {words:?} in\n{told}");
        }
    }

    #[test]
    fn every_bad_field_is_named() {
        let unnamed = NewToken {
            name: String::new(),
            role: Role::Agent,
        };
        let refused = unnamed.validate().expect_err("a name that says nothing");
        let expect = [
            "because: name: must not be empty or blank",
            "what to do: correct what is named",
        ];
        check(StoreError::Invalid(refused.clone()), &expect);
        check(KnowledgeError::Invalid(refused), &expect);
    }

    #[test]
    fn advice_is_about_what_went_wrong() {
        check(
            StoreError::Taken { field: "name" },
            &["what to do: choose another name"],
        );
        check(StoreError::Taken { field: "number" }, &["another process came first"]);
        let held = search::Error::FolderInUse {
            folder: "data/index".into(),
        };
        check(
            Error::from(held).context("cannot open the index"),
            &["stop the other deskwise first"],
        );
        let head = HeadRole::Category;
        check(
            LearningError::NoVersion { head, version: 9 },
            &["choose one of those that `deskwise model show category` lists"],
        );
        let known = LearningError::Known {
            head,
            revision: "abc".to_owned(),
            version: 2,
        };
        check(known, &["`deskwise model activate category 2`"]);
        check(
            LearningError::Store(StoreError::UnsupportedUrl),
            &["because: the database URL", "set store.url to postgres://"],
        );
    }

    #[test]
    fn what_was_said_is_not_said_again() {
        let error = Err::<(), _>(StoreError::Closed)
            .context("the store is closed for good")
            .expect_err("an error");
        assert_eq!(told(&error).matches("the store is closed").count(), 1);
    }
}
