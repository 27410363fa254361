//! Articles as other systems keep them: Markdown with front matter, HTML, JSON Lines. Text in, an article or every
//! reason against it out, which is then kept under its external id; no file is opened here.

use desk::{Actor, Article, ArticleVisibility, FieldCode, FieldError, NewArticle};
use htmd::HtmlToMarkdown;
use serde::Deserialize;
use store::{Store, StoreError};

use crate::error::KnowledgeError;
use crate::write::{checked, refused};

/// What stands before and after front matter.
const FENCE: &str = "---";
/// Elements of a page that are not its text.
const NOT_TEXT: [&str; 8] = [
    "script", "style", "head", "template", "noscript", "nav", "iframe", "svg",
];

/// What an import did with an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// There was none with its external id.
    Created,
    /// The one with its external id said something else.
    Changed,
    /// The one with its external id says the same.
    Same,
}

/// What is taken where a file does not say it.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// Its name, from which it is known again.
    pub name: String,
    /// Who may read it.
    pub visibility: ArticleVisibility,
}

/// What a file says of its article.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    external_id: Option<String>,
    title: Option<String>,
    language: Option<String>,
    tags: Vec<String>,
    visibility: Option<ArticleVisibility>,
    author: Option<String>,
    review_date: Option<String>,
    archived: bool,
    /// Markdown, in JSON Lines.
    body: Option<String>,
    /// HTML, in JSON Lines.
    html: Option<String>,
}

/// The article of a Markdown file.
///
/// **Errors:** front matter that cannot be read, or a bad field.
pub fn from_markdown(text: &str, defaults: &Defaults) -> Result<NewArticle, Vec<FieldError>> {
    let (matter, body) = split(text);
    let said: Said = match matter {
        Some(matter) => serde_saphyr::from_str(matter).map_err(|error| bad_front_matter(&error.to_string()))?,
        None => Said::default(),
    };
    let (heading, rest) = leading_title(body);
    let title = said.title.clone().or(heading.clone());
    let body = if said.title.is_none() || said.title == heading {
        rest
    } else {
        body
    };
    article(said, title, body.trim().to_owned(), defaults)
}

/// The article of an HTML page: its text as Markdown, its title from the first heading or the page's own.
///
/// **Errors:** a page that cannot be read, or a bad field.
pub fn from_html(text: &str, defaults: &Defaults) -> Result<NewArticle, Vec<FieldError>> {
    let markdown = to_markdown(text)?;
    let (heading, rest) = leading_title(&markdown);
    let said = Said {
        language: attribute(text, "<html", "lang"),
        ..Said::default()
    };
    let title = heading.or_else(|| between(text, "<title>", "</title>"));
    article(said, title, rest.trim().to_owned(), defaults)
}

/// The article of one line of JSON, with the text in `body` (Markdown) or `html`.
///
/// **Errors:** no JSON object, a field that is unknown here, or a bad one.
pub fn from_json(line: &str, defaults: &Defaults) -> Result<NewArticle, Vec<FieldError>> {
    let bad_row = |error: serde_json::Error| {
        let message = format!("is not an article in JSON: {error}");
        vec![FieldError::new("(row)", FieldCode::Malformed, message)]
    };
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).map_err(bad_row)?;
    let mut said: Said = serde_json::from_value(object.into()).map_err(bad_row)?;
    let body = match (said.body.take(), said.html.take()) {
        (Some(body), _) => body,
        (None, Some(html)) => to_markdown(&html)?,
        (None, None) => String::new(),
    };
    let title = said.title.clone();
    article(said, title, body, defaults)
}

/// Keeps an article under its external id; the same article again changes nothing. A server indexes it.
///
/// **Errors:** bad fields, no external id among them, or the store is out of reach.
pub async fn keep(store: &Store, article: NewArticle, actor: &Actor) -> Result<Imported, KnowledgeError> {
    let article = checked(article)?;
    let Some(external_id) = article.external_id.clone() else {
        return Err(refused("external_id", "must be given"));
    };
    if let Some(kept) = store.find_article(&external_id).await? {
        return put_in_place(store, kept, article, actor).await;
    }
    match store.create_article(article.clone(), actor).await {
        // Another import came first with the same id.
        Err(StoreError::Taken { .. }) => match store.find_article(&external_id).await? {
            Some(kept) => put_in_place(store, kept, article, actor).await,
            None => Err(refused("external_id", "is taken")),
        },
        created => {
            created?;
            Ok(Imported::Created)
        }
    }
}

async fn put_in_place(
    store: &Store,
    kept: Article,
    article: NewArticle,
    actor: &Actor,
) -> Result<Imported, KnowledgeError> {
    if kept.fields == article {
        return Ok(Imported::Same);
    }
    store.replace_article(kept.id, None, article, actor).await?;
    Ok(Imported::Changed)
}

fn article(
    said: Said,
    title: Option<String>,
    body: String,
    defaults: &Defaults,
) -> Result<NewArticle, Vec<FieldError>> {
    let review_date = match said.review_date.as_deref() {
        Some(text) => Some(desk::article::read_date(text).ok_or_else(bad_date)?),
        None => None,
    };
    NewArticle {
        external_id: Some(said.external_id.unwrap_or_else(|| defaults.name.clone())),
        title: title.unwrap_or_else(|| defaults.name.clone()),
        body,
        language: said.language,
        tags: said.tags,
        visibility: said.visibility.unwrap_or(defaults.visibility),
        author: said.author,
        review_date,
        archived: said.archived,
    }
    .validate()
}

/// Front matter and text; no front matter where the first line does not open it or nothing closes it.
fn split(text: &str) -> (Option<&str>, &str) {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let opened = text.strip_prefix(FENCE).and_then(|rest| {
        let (line, rest) = rest.split_once('\n')?;
        line.trim().is_empty().then_some(rest)
    });
    let Some(rest) = opened else { return (None, text) };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == FENCE {
            return (Some(&rest[..at]), &rest[at + line.len()..]);
        }
        at += line.len();
    }
    (None, text)
}

/// The heading a text begins with, and the text after it.
fn leading_title(text: &str) -> (Option<String>, &str) {
    let text = text.trim_start();
    let Some(line) = text.strip_prefix("# ") else {
        return (None, text);
    };
    let (title, rest) = line.split_once('\n').unwrap_or((line, ""));
    (Some(crate::markdown::to_plain(title.trim())), rest)
}

fn to_markdown(html: &str) -> Result<String, Vec<FieldError>> {
    let converter = HtmlToMarkdown::builder().skip_tags(NOT_TEXT.to_vec()).build();
    converter.convert(html).map_err(|_| {
        let message = "is HTML that cannot be read";
        vec![FieldError::new("html", FieldCode::Malformed, message)]
    })
}

/// The text between two marks of a page, found without regard to case.
fn between(page: &str, from: &str, to: &str) -> Option<String> {
    let folded = page.to_ascii_lowercase();
    let start = folded.find(from)? + from.len();
    let end = start + folded[start..].find(to)?;
    let found = crate::markdown::to_plain(page[start..end].trim());
    (!found.is_empty()).then_some(found)
}

/// The value of an attribute of the first such element.
fn attribute(page: &str, element: &str, name: &str) -> Option<String> {
    let folded = page.to_ascii_lowercase();
    let start = folded.find(element)?;
    let tag = &page[start..start + folded[start..].find('>')?];
    let value = tag.split_once(&format!("{name}=\""))?.1;
    value
        .split('"')
        .next()
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

fn bad_date() -> Vec<FieldError> {
    let message = "is not a date such as 2027-01-31";
    vec![FieldError::new("review_date", FieldCode::Malformed, message)]
}

fn bad_front_matter(said: &str) -> Vec<FieldError> {
    let reason = said.lines().next().unwrap_or_default();
    let message = format!("cannot be read: {reason}");
    vec![FieldError::new("(front matter)", FieldCode::Malformed, message)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults {
            name: "close-the-day.md".to_owned(),
            visibility: ArticleVisibility::Draft,
        }
    }

    #[test]
    fn front_matter_is_read() {
        let text = "---\nexternal_id: close\ntitle: \"Close: the day\"\nlanguage: en\ntags: [till, day close]\n\
            visibility: public\nauthor: Selma\nreview_date: 2027-11-01\n---\n\n## Steps\n\n1. Count\n";
        let article = from_markdown(text, &defaults()).unwrap();
        assert_eq!(article.external_id.as_deref(), Some("close"));
        assert_eq!(article.title, "Close: the day");
        assert_eq!(article.body, "## Steps\n\n1. Count");
        assert_eq!(article.tags, ["till", "day close"]);
        assert_eq!(article.visibility, ArticleVisibility::Public);
        assert_eq!(
            article.review_date.map(|date| date.to_string()).as_deref(),
            Some("2027-11-01")
        );
    }

    #[test]
    fn a_plain_file_is_known_by_its_name_and_first_heading() {
        let article = from_markdown("# Close the *day*\n\nCount the drawer.", &defaults()).unwrap();
        assert_eq!(
            (article.title.as_str(), article.body.as_str()),
            ("Close the day", "Count the drawer.")
        );
        assert_eq!(article.external_id.as_deref(), Some("close-the-day.md"));
        assert_eq!(article.visibility, ArticleVisibility::Draft);
    }

    #[test]
    fn a_page_becomes_markdown_without_its_scripts() {
        let page = "<html lang=\"es\"><head><title>Caja</title><script>steal()</script></head><body><h1>Cerrar \
            caja</h1><p>Cuente <b>todo</b>.</p><ul><li>uno</li></ul><script>alert(1)</script></body></html>";
        let article = from_html(page, &defaults()).unwrap();
        assert_eq!(
            (article.title.as_str(), article.language.as_deref()),
            ("Cerrar caja", Some("es"))
        );
        assert!(
            article.body.contains("**todo**") && article.body.contains("uno"),
            "{}",
            article.body
        );
        assert!(
            !article.body.contains("alert") && !article.body.contains("steal"),
            "{}",
            article.body
        );
    }

    #[test]
    fn a_line_of_json_is_an_article() {
        let line = r#"{"external_id": "a-1", "title": "Refunds", "html": "<p>Within <i>30</i> days</p>", "visibility": "public"}"#;
        let article = from_json(line, &defaults()).unwrap();
        assert_eq!(article.body, "Within *30* days");
        for bad in ["", "[]", "{\"title\": 7}", "{\"nick\": \"x\"}"] {
            assert_eq!(from_json(bad, &defaults()).unwrap_err()[0].field, "(row)", "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_an_article_says_why() {
        let check = |text: &str, field: &str| {
            let errors = from_markdown(text, &defaults()).unwrap_err();
            assert_eq!(errors[0].field, field, "{text:?}: {errors:?}");
        };
        check("", "body");
        check("---\ntitle: x\n---\n", "body");
        check("---\ntitle: [\n---\ntext", "(front matter)");
        check("---\ncolour: red\n---\ntext", "(front matter)");
        check("---\nvisibility: secret\n---\ntext", "(front matter)");
        check("---\nreview_date: soon\n---\ntext", "review_date");
        check("---\nlanguage: English\n---\ntext", "language");
    }
}
