//! What is looked for in the knowledge base, however it was sent.

use desk::ArticleVisibility;
use knowledge::{MAX_LIMIT, Question};

use crate::http::articles::visible_to;
use crate::http::login::Login;
use crate::http::problem::{BadField, Problem};
use crate::http::query::{no_whole_number, read, refuse_faults, word};

/// What is looked for.
#[derive(Debug)]
pub struct Asked {
    /// The question, as it was typed.
    pub q: String,
    /// Only what is in this language.
    pub language: Option<String>,
    /// Only articles with all of these tags.
    pub tags: Vec<String>,
    /// Only articles of this visibility.
    pub visibility: Option<ArticleVisibility>,
    /// Answers wanted.
    pub limit: usize,
}

/// The same as parameters of a query string.
#[derive(Debug)]
pub struct AskedParams {
    /// The question, which must be given.
    pub q: Option<String>,
    /// A language.
    pub language: Option<String>,
    /// Tags, separated by commas.
    pub tags: Option<String>,
    /// A visibility.
    pub visibility: Option<String>,
    /// A number.
    pub limit: Option<String>,
}

impl AskedParams {
    /// What is looked for, with so many answers where the caller names no number.
    ///
    /// **Errors:** the given faults and its own.
    pub fn parse(self, mut faults: Vec<BadField>, default_limit: usize) -> Result<Asked, Problem> {
        // The range is the question's to check, also of one that came in a body: it says `out_of_range`.
        let number = |text: &str| text.parse::<usize>().map_err(|_| no_whole_number(&(1..=MAX_LIMIT)));
        let limit = read("limit", self.limit, &mut faults, number);
        let visibility = read("visibility", self.visibility, &mut faults, word);
        if self.q.is_none() {
            faults.push(BadField::new("q", "missing", "must be given"));
        }
        refuse_faults(faults)?;
        let tags = self.tags.unwrap_or_default();
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        Ok(Asked {
            q: self.q.unwrap_or_default(),
            language: self.language,
            tags: tags.map(str::to_owned).collect(),
            visibility,
            limit: limit.unwrap_or(default_limit),
        })
    }
}

impl Asked {
    /// The question of someone who may read so much.
    ///
    /// **Errors:** a visibility that is not theirs to read.
    pub fn question(&self, login: &Login) -> Result<Question, Problem> {
        Ok(Question {
            text: self.q.clone(),
            visibility: readable(login, self.visibility)?,
            language: self.language.clone(),
            tags: self.tags.clone(),
            limit: self.limit,
        })
    }
}

/// What the caller may read of what they asked for; drafts only where they asked for drafts.
fn readable(login: &Login, asked: Option<ArticleVisibility>) -> Result<Vec<ArticleVisibility>, Problem> {
    let allowed = visible_to(login);
    match asked {
        Some(asked) if allowed.contains(&asked) => Ok(vec![asked]),
        Some(_) => {
            let message = "is not readable with this token";
            Err(Problem::invalid_field("visibility", "forbidden", message))
        }
        None => {
            let finished = |word: &&ArticleVisibility| **word != ArticleVisibility::Draft;
            Ok(allowed.iter().filter(finished).copied().collect())
        }
    }
}
