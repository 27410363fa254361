//! The passages in the search index: what is put there, and how a passage gets its id.

use std::borrow::Cow;

use desk::{Article, ArticleVisibility, Passage};
use search::{CollectionSpec, Condition, Field, FieldKind, Filter, Point, primary_language};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::cut::Piece;
use crate::markdown;
use crate::span::CharCounter;

/// The collection of passages.
pub(crate) const PASSAGES: &str = "passages";

pub(crate) fn collection(dimensions: usize) -> CollectionSpec {
    CollectionSpec::new(PASSAGES, dimensions)
        .with_titles()
        .with_field(Field::new("article_id", FieldKind::Keyword))
        .with_field(Field::new("visibility", FieldKind::Keyword))
        .with_field(Field::new("language", FieldKind::Keyword))
        .with_field(Field::new("tags", FieldKind::Keyword))
}

/// The passages of an article's pieces. A passage's id is made from everything the index keeps of it, so what has not
/// changed keeps its id and is not embedded again.
pub(crate) fn passages(article: &Article, pieces: Vec<Piece>) -> Vec<Passage> {
    let body = article.fields.body.as_str();
    let mut chars = CharCounter::new(body);
    let mut earlier = std::collections::HashMap::new();
    let passage = |(position, piece): (usize, Piece)| {
        let text = &body[piece.range.clone()];
        let twin: &mut u32 = earlier.entry((piece.headings.clone(), text.to_owned())).or_default();
        *twin += 1;
        let span = chars.span(&piece.range);
        Passage {
            id: fingerprint(article, &piece.headings, text, *twin),
            article_id: article.id,
            article_version: article.version,
            position: position as i64,
            visibility: article.fields.visibility,
            start: span.start as i64,
            end: span.end as i64,
            text: text.to_owned(),
            headings: piece.headings,
        }
    };
    pieces.into_iter().enumerate().map(passage).collect()
}

/// What the encoder reads of a passage: its title and headings, then its words.
pub(crate) fn readable(title: &str, headings: &[String], text: &str) -> String {
    let mut read = title.to_owned();
    for heading in headings {
        read.push_str(" > ");
        read.push_str(heading);
    }
    read.push('\n');
    read.push_str(&markdown::to_plain(text));
    read
}

/// A passage as the index keeps it, with the vector of its article's title where that has one.
pub(crate) fn point(article: &Article, passage: &Passage, vector: Vec<f32>, title: Option<Vec<f32>>) -> Point {
    let language = article.fields.language.as_deref().map(primary_language);
    let mut payload = Map::new();
    payload.insert("article_id".to_owned(), json!(article.id));
    payload.insert("visibility".to_owned(), json!(article.fields.visibility));
    payload.insert("language".to_owned(), json!(language));
    payload.insert("tags".to_owned(), json!(article.fields.tags));
    Point {
        id: passage.id,
        vector,
        title_vector: title,
        text: readable(&article.fields.title, &passage.headings, &passage.text),
        language: language.map(Cow::into_owned),
        payload,
    }
}

/// Which passages may be found. A language is meant whatever its region.
pub(crate) fn filter(visibility: &[ArticleVisibility], language: Option<&str>, tags: &[String]) -> Filter {
    let readable = visibility.iter().map(|word| word.as_str());
    let mut all = vec![Condition::one_of("visibility", readable)];
    all.extend(language.map(|code| Condition::is("language", primary_language(code).as_ref())));
    all.extend(tags.iter().map(|tag| Condition::is("tags", tag.as_str())));
    Filter::all(all)
}

/// **Source** RFC 9562, section 5.8: a UUID of one's own making, here from SHA-256. **Persisted.**
fn fingerprint(article: &Article, headings: &[String], text: &str, twin: u32) -> Uuid {
    let fields = &article.fields;
    let kept = json!([
        article.id,
        fields.title,
        headings,
        text,
        fields.language,
        fields.tags,
        fields.visibility,
        twin
    ]);
    let sum = Sha256::digest(kept.to_string().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sum[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use desk::NewArticle;
    use time::OffsetDateTime;

    use super::*;

    fn article(body: &str) -> Article {
        Article {
            id: Uuid::from_u128(1),
            fields: NewArticle::draft("Señal débil", body),
            version: 1,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn cut(body: &str) -> Vec<Passage> {
        let words = |text: &str| text.split_whitespace().count();
        passages(&article(body), crate::cut::cut(body, 50, words))
    }

    #[test]
    fn spans_are_characters_of_the_body() {
        let body = "Año nuevo.\n\n## Más\n\nCafé y té.";
        for passage in cut(body) {
            let (start, end) = (passage.start as usize, passage.end as usize);
            let span: String = body.chars().skip(start).take(end - start).collect();
            assert_eq!(span, passage.text);
        }
    }

    #[test]
    fn only_what_changed_gets_a_new_id() {
        let before = cut("## A\n\none\n\n## B\n\ntwo");
        let after = cut("New first.\n\n## A\n\none\n\n## B\n\ntwo, changed");
        assert_eq!(before[0].id, after[1].id);
        assert_ne!(before[1].id, after[2].id);
    }

    #[test]
    fn a_regional_article_is_one_in_its_language() {
        let mut regional = article("Close the till.");
        regional.fields.language = Some("en-US".to_owned());
        let passage = &passages(&regional, crate::cut::cut("Close the till.", 50, str::len))[0];
        let point = point(&regional, passage, vec![1.0], None);
        assert_eq!(point.payload["language"], "en");
        assert_eq!(point.language.as_deref(), Some("en"));
        let asked = |language| filter(&[ArticleVisibility::Public], Some(language), &[]);
        assert_eq!(asked("en-GB"), asked("en"));
        assert_ne!(asked("en"), asked("es"));
    }

    #[test]
    fn twins_are_told_apart() {
        let twins = cut("## A\n\nsame\n\n## A\n\nsame");
        assert_ne!(twins[0].id, twins[1].id);
    }
}
