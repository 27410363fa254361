//! Questions of which it is known what answers them, and bases that hold the answer or have lost it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::{Result, ensure};
use classifier::unit_hash;
use serde::{Deserialize, Deserializer, Serialize};

use crate::beir::{Beir, Document};
use crate::rows::json_lines;

/// Share of the articles in a base of a few.
const FEW: f64 = 0.1;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Question {
    /// Its id.
    pub id: String,
    /// As it is typed.
    pub text: String,
    /// Its language.
    #[serde(default)]
    pub language: Option<String>,
    /// The articles that answer it, by external id; in a file one or none.
    #[serde(default, deserialize_with = "one_or_none")]
    pub answer: BTreeSet<String>,
    /// What stays together: an article, its twin in another language and the questions about both; none for a question
    /// that has nothing to do with any.
    #[serde(default)]
    pub topic: Option<String>,
}

/// What a base has of the articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// All of them.
    Whole,
    /// Half of them, by this draw.
    Half(u32),
    /// A few of them, by this draw.
    Few(u32),
}

fn one_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeSet<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.into_iter().collect())
}

/// Reads questions.
///
/// **Errors**: a file that is missing or broken, an id used twice, no question with an answer or none without.
pub fn read(path: &Path) -> Result<Vec<Question>> {
    let questions: Vec<Question> = json_lines(path)?;
    let mut ids = HashSet::new();
    for Question { id, .. } in &questions {
        ensure!(
            ids.insert(id.as_str()),
            "{}: question {id:?} occurs twice",
            path.display()
        );
    }
    let answered = questions.iter().filter(|question| !question.answer.is_empty()).count();
    ensure!(
        (1..questions.len()).contains(&answered),
        "{}: questions with an answer and questions without one are needed",
        path.display()
    );
    Ok(questions)
}

/// The queries of a retrieval set, each answered by what is relevant to it.
pub fn of_retrieval(set: &Beir) -> Vec<Question> {
    let question = |query: &Document| Question {
        id: query.id.clone(),
        text: query.text.clone(),
        language: query.language.clone(),
        answer: set.judgements[&query.id]
            .iter()
            .filter(|(_, gain)| **gain > 0.0)
            .map(|(document, _)| document.clone())
            .collect(),
        topic: None,
    };
    set.queries.iter().map(question).collect()
}

/// Article → topic, as far as questions tell; any other article is a topic by itself.
#[derive(Debug, Clone, Default)]
pub struct Topics(HashMap<String, String>);

impl Topics {
    /// What these questions tell.
    pub fn of(questions: &[Question]) -> Self {
        let told = questions
            .iter()
            .filter_map(|question| Some((question.topic.as_ref()?, &question.answer)));
        let articles = told.flat_map(|(topic, answer)| answer.iter().map(move |one| (one.clone(), topic.clone())));
        Topics(articles.collect())
    }

    /// The topic of an article.
    pub fn topic<'a>(&'a self, article: &'a str) -> &'a str {
        self.0.get(article).map_or(article, String::as_str)
    }

    /// Whether an article answers a question, or its twin does.
    pub fn answers(&self, article: &str, question: &Question) -> bool {
        question.answer.iter().any(|one| self.topic(one) == self.topic(article))
    }
}

impl Base {
    /// Whether the articles on a topic are in it: by a hash, so that it is the same everywhere.
    pub fn holds(self, topic: &str) -> bool {
        match self {
            Base::Whole => true,
            Base::Half(draw) => unit_hash(&format!("half {draw} {topic}")) < 0.5,
            Base::Few(draw) => unit_hash(&format!("few {draw} {topic}")) < FEW,
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Base::Whole => "whole".to_owned(),
            Base::Half(draw) => format!("half-{draw}"),
            Base::Few(draw) => format!("few-{draw}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions(lines: &str) -> Result<Vec<Question>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("questions.jsonl");
        std::fs::write(&path, lines).expect("a file");
        read(&path)
    }

    const ANSWERED: &str =
        r#"{"id":"a","text":"how to close","kind":"sentence","answer":"close","topic":"close-the-day"}"#;
    const NOT: &str = r#"{"id":"b","text":"hello","answer":null,"topic":null}"#;

    #[test]
    fn an_article_and_its_twin_share_a_topic() {
        let twin = r#"{"id":"c","text":"cerrar","answer":"cerrar","topic":"close-the-day"}"#;
        let read = questions(&format!("{ANSWERED}\n{NOT}\n{twin}\n")).expect("questions");
        let topics = Topics::of(&read);
        assert_eq!(
            (topics.topic("cerrar"), topics.topic("other")),
            ("close-the-day", "other")
        );
        assert!(topics.answers("cerrar", &read[0]) && !topics.answers("other", &read[0]));
        assert!(!topics.answers("cerrar", &read[1]));
    }

    #[test]
    fn faults_are_named() {
        for (lines, reason) in [
            (format!("{ANSWERED}\n{ANSWERED}\n{NOT}"), "\"a\" occurs twice"),
            (ANSWERED.to_owned(), "questions without one"),
            (NOT.to_owned(), "questions with an answer"),
            ("{}".to_owned(), "line 1"),
        ] {
            let error = format!("{:#}", questions(&lines).expect_err("refused"));
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_base_is_drawn_the_same_each_time() {
        let held = |base: Base| (0..1000).filter(|i| base.holds(&format!("topic {i}"))).count();
        assert_eq!(held(Base::Whole), 1000);
        assert!((440..560).contains(&held(Base::Half(0))) && (60..140).contains(&held(Base::Few(0))));
        assert!((0..50).any(|i| {
            let topic = format!("topic {i}");
            Base::Half(0).holds(&topic) != Base::Half(1).holds(&topic)
        }));
    }
}
