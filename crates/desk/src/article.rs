//! The articles of the knowledge base, their versions, and the passages they are cut into.

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::event::Actor;
use crate::field::{Checks, FieldCode, FieldError, MAX_NAME_CHARS, MAX_SUBJECT_CHARS, MAX_TAG_CHARS};
use crate::word::words;

/// Longest body of an article. **Units:** Unicode characters.
pub const MAX_ARTICLE_CHARS: usize = 1_500_000;

words! {
    /// Who may read an article.
    "article visibility" ArticleVisibility {
        /// Customers too.
        Public = "public",
        /// Agents only.
        Internal = "internal",
        /// Not finished: agents who look for drafts.
        Draft = "draft",
    }
}

/// How a date is written, in JSON and in SQL. **Persisted.**
const DATE: &[time::format_description::BorrowedFormatItem<'_>] =
    time::macros::format_description!("[year]-[month]-[day]");

time::serde::format_description!(iso_date, Date, "[year]-[month]-[day]");

/// The day a text such as `2027-01-31` names; none for any other text.
pub fn read_date(text: &str) -> Option<Date> {
    Date::parse(text, DATE).ok()
}

/// The day as [`read_date`] reads it.
pub fn write_date(day: Date) -> String {
    // Every date fits the format.
    day.format(DATE).unwrap_or_default()
}

/// An article as someone writes it, and as one version of it is kept. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewArticle {
    /// Its name in the system it comes from, unique.
    pub external_id: Option<String>,
    /// What it answers, in one line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// ISO 639-1; detected where it is left out.
    pub language: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who may read it.
    pub visibility: ArticleVisibility,
    /// Who answers for it.
    pub author: Option<String>,
    /// When someone must look whether it still holds.
    #[serde(with = "iso_date::option")]
    pub review_date: Option<Date>,
    /// Whether it is put away: kept with its versions, found by nobody.
    pub archived: bool,
}

impl NewArticle {
    /// A draft of nothing but a title and a text.
    pub fn draft(title: impl Into<String>, body: impl Into<String>) -> Self {
        NewArticle {
            external_id: None,
            title: title.into(),
            body: body.into(),
            language: None,
            tags: Vec::new(),
            visibility: ArticleVisibility::Draft,
            author: None,
            review_date: None,
            archived: false,
        }
    }

    /// The article, fit to be stored.
    ///
    /// **Errors:** every bad field.
    pub fn validate(self) -> Result<Self, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.optional_line("external_id", self.external_id.as_deref(), MAX_NAME_CHARS);
        checks.line("title", &self.title, MAX_SUBJECT_CHARS);
        checks.text("body", &self.body, MAX_ARTICLE_CHARS);
        checks.optional_language("language", self.language.as_deref());
        checks.lines("tags", &self.tags, MAX_TAG_CHARS);
        checks.optional_line("author", self.author.as_deref(), MAX_NAME_CHARS);
        if self
            .review_date
            .is_some_and(|date| !(1970..=2999).contains(&date.year()))
        {
            checks.refuse("review_date", FieldCode::OutOfRange, "must be between 1970 and 2999");
        }
        checks.finish(self)
    }
}

/// An article. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// UUIDv7.
    pub id: Uuid,
    /// What it says now.
    pub fields: NewArticle,
    /// Counts the edits.
    pub version: i64,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// One edit of an article, kept for good. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArticleVersion {
    /// The article.
    pub article_id: Uuid,
    /// Which edit, from 1.
    pub version: i64,
    /// What it said after the edit.
    pub fields: NewArticle,
    /// Who made it.
    pub actor: Actor,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// A change to an article; what is left out stays, `Some(None)` clears.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ArticlePatch {
    /// New name in the system it comes from.
    pub external_id: Option<Option<String>>,
    /// New title.
    pub title: Option<String>,
    /// New text.
    pub body: Option<String>,
    /// New language.
    pub language: Option<Option<String>>,
    /// The tags it has from now on.
    pub tags: Option<Vec<String>>,
    /// Who may read it from now on.
    pub visibility: Option<ArticleVisibility>,
    /// Who answers for it from now on.
    pub author: Option<Option<String>>,
    /// When someone must look at it.
    pub review_date: Option<Option<Date>>,
    /// Puts it away, or takes it out again.
    pub archived: Option<bool>,
}

impl ArticlePatch {
    /// The article's fields after this change.
    ///
    /// **Errors:** every field that would be bad afterwards, or nothing to change.
    pub fn applied_to(self, before: &NewArticle) -> Result<NewArticle, Vec<FieldError>> {
        if self == ArticlePatch::default() {
            let error = FieldError::new("(body)", FieldCode::Empty, "names nothing to change");
            return Err(vec![error]);
        }
        let before = before.clone();
        NewArticle {
            external_id: self.external_id.unwrap_or(before.external_id),
            title: self.title.unwrap_or(before.title),
            body: self.body.unwrap_or(before.body),
            language: self.language.unwrap_or(before.language),
            tags: self.tags.unwrap_or(before.tags),
            visibility: self.visibility.unwrap_or(before.visibility),
            author: self.author.unwrap_or(before.author),
            review_date: self.review_date.unwrap_or(before.review_date),
            archived: self.archived.unwrap_or(before.archived),
        }
        .validate()
    }
}

/// A part of an article that is found by itself. **Persisted.**
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Made from everything the index keeps of it: the same content has the same id.
    pub id: Uuid,
    /// The article.
    pub article_id: Uuid,
    /// The version of the article it was cut from.
    pub article_version: i64,
    /// Its place in the article, from 0.
    pub position: i64,
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// Who may read it, as that version said.
    pub visibility: ArticleVisibility,
    /// Where it begins in the article's body. **Units:** Unicode characters.
    pub start: i64,
    /// Where it ends, exclusive. **Units:** Unicode characters.
    pub end: i64,
    /// The body from `start` to `end`, Markdown.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_field_is_named() {
        let bad = NewArticle {
            language: Some("Spanish".into()),
            tags: vec!["a".into(), "a".into()],
            ..NewArticle::draft(" ", "\u{200B}")
        };
        let errors = bad.validate().unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["title", "body", "language", "tags[1]"]);
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let before = NewArticle {
            author: Some("Ana".into()),
            ..NewArticle::draft("Title", "Text")
        };
        let patch = ArticlePatch {
            body: Some("New text".into()),
            author: Some(None),
            ..ArticlePatch::default()
        };
        let after = patch.applied_to(&before).unwrap();
        assert_eq!(
            (after.title.as_str(), after.body.as_str(), after.author),
            ("Title", "New text", None)
        );
        assert!(ArticlePatch::default().applied_to(&before).is_err());
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let date = read_date("2027-03-01").expect("a date");
        assert_eq!(write_date(date), "2027-03-01");
        for bad in ["", "soon", "2027-3-1", "2027-02-30", "2027-03-01T00:00:00Z"] {
            assert_eq!(read_date(bad), None, "{bad}");
        }
    }
}
