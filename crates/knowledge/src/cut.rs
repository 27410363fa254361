//! An article cut into passages: along its headings, none longer than the encoder reads.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use unicode_segmentation::UnicodeSegmentation;

use crate::markdown;

/// Characters of a stretch without a sentence end that is cut all the same, for each token there is room for.
const CHARS_A_TOKEN: usize = 2;

/// A part of a body under its headings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    /// The headings above it, outermost first.
    pub headings: Vec<String>,
    /// Where it is in the body. **Units:** bytes.
    pub range: Range<usize>,
}

/// A block of the body: a heading, or anything that stands under one.
enum Block {
    Heading { level: usize, text: String },
    Body(Range<usize>),
}

/// Cuts a body at its headings, and between blocks and sentences where a section has more than `budget` tokens.
/// What shows no words is left out.
pub(crate) fn cut(body: &str, budget: usize, tokens: impl Fn(&str) -> usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut section: Vec<Range<usize>> = Vec::new();
    for block in blocks(body) {
        match block {
            Block::Body(range) => section.extend(fitting(body, range, budget, &tokens)),
            Block::Heading { level, text } => {
                pack(body, &path, std::mem::take(&mut section), budget, &tokens, &mut pieces);
                path.retain(|(above, _)| *above < level);
                path.push((level, text));
            }
        }
    }
    pack(body, &path, section, budget, &tokens, &mut pieces);
    pieces
}

/// The headings of a body in their order.
pub(crate) fn headings(body: &str) -> impl Iterator<Item = String> {
    blocks(body).into_iter().filter_map(|block| match block {
        Block::Heading { text, .. } => Some(text),
        Block::Body(_) => None,
    })
}

/// Joins neighbouring blocks of one section as far as they fit.
fn pack(
    body: &str,
    path: &[(usize, String)],
    blocks: Vec<Range<usize>>,
    budget: usize,
    tokens: impl Fn(&str) -> usize,
    into: &mut Vec<Piece>,
) {
    let headings: Vec<String> = path.iter().map(|(_, text)| text.clone()).collect();
    let mut held = 0;
    let first = into.len();
    for range in blocks {
        let size = tokens(&body[range.clone()]);
        match into.last_mut() {
            Some(piece) if held > 0 && held + size <= budget => piece.range.end = range.end,
            _ => {
                held = 0;
                into.push(Piece {
                    headings: headings.clone(),
                    range,
                });
            }
        }
        held += size;
    }
    let shown = into.split_off(first);
    into.extend(
        shown
            .into_iter()
            .filter(|piece| markdown::shows_words(&body[piece.range.clone()])),
    );
}

fn blocks(body: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut depth = 0_usize;
    let mut heading: Option<(usize, String)> = None;
    for (event, range) in Parser::new_ext(body, markdown::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                depth += 1;
                heading = Some((level as usize, String::new()));
            }
            Event::End(TagEnd::Heading(_)) if depth == 1 => {
                depth -= 1;
                blocks.extend(heading.take().map(|(level, text)| Block::Heading { level, text }));
            }
            Event::Start(_) => {
                if depth == 0 {
                    blocks.push(Block::Body(trimmed(body, range)));
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = heading.as_mut() {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    blocks
}

/// The range without the white space at its end.
fn trimmed(body: &str, range: Range<usize>) -> Range<usize> {
    range.start..range.start + body[range.clone()].trim_end().len()
}

/// The block itself, or its sentences joined as far as they fit.
fn fitting(body: &str, range: Range<usize>, budget: usize, tokens: impl Fn(&str) -> usize) -> Vec<Range<usize>> {
    if tokens(&body[range.clone()]) <= budget {
        return vec![range];
    }
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for sentence in stretches(&body[range.clone()], budget) {
        let sentence = range.start + sentence.start..range.start + sentence.end;
        let size = tokens(&body[sentence.clone()]);
        match parts.last_mut() {
            Some(part) if held + size <= budget => part.end = sentence.end,
            _ => {
                held = 0;
                parts.push(sentence);
            }
        }
        held += size;
    }
    parts.into_iter().map(|part| trimmed(body, part)).collect()
}

/// Sentences; one that cannot fit is cut at spaces, and where it has none, anywhere.
fn stretches(text: &str, budget: usize) -> Vec<Range<usize>> {
    let longest = (budget * CHARS_A_TOKEN).max(1);
    let mut found = Vec::new();
    for (at, sentence) in text.split_sentence_bound_indices() {
        let mut rest = at..at + sentence.len();
        while let Some((cut, _)) = text[rest.clone()].char_indices().nth(longest) {
            let head = &text[rest.start..rest.start + cut];
            let end = rest.start + after_last_space(head).unwrap_or(cut);
            found.push(rest.start..end);
            rest.start = end;
        }
        found.push(rest);
    }
    found
}

/// Where what follows the last white space begins, which may take several bytes itself.
fn after_last_space(text: &str) -> Option<usize> {
    let mut last_first = text.char_indices().rev();
    last_first
        .find(|(_, c)| c.is_whitespace())
        .map(|(at, space)| at + space.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passages as headings and text, with words counted as tokens.
    fn check(body: &str, budget: usize, expect: &[(&str, &str)]) {
        let words = |text: &str| text.split_whitespace().count();
        let pieces = cut(body, budget, words);
        let found: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.headings.join(" > "), &body[piece.range.clone()]))
            .collect();
        let found: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn sections_are_passages_under_their_headings() {
        let body = "Intro.\n\n## Steps\n\n1. one\n2. two\n\n### Detail\n\nMore `code`.\n\n## Codes\n\nTL-1\n\nTL-2\n";
        check(
            body,
            50,
            &[
                ("", "Intro."),
                ("Steps", "1. one\n2. two"),
                ("Steps > Detail", "More `code`."),
                ("Codes", "TL-1\n\nTL-2"),
            ],
        );
    }

    #[test]
    fn a_long_section_is_cut_between_blocks_then_sentences() {
        check("a b c\n\nd e f\n\ng", 4, &[("", "a b c"), ("", "d e f\n\ng")]);
        check(
            "One two. Three four. Five six.",
            4,
            &[("", "One two. Three four."), ("", "Five six.")],
        );
    }

    #[test]
    fn what_shows_nothing_is_no_passage() {
        check(
            "<!-- hidden -->\n\n---\n\n## Empty\n\n## Full\n\ntext",
            9,
            &[("Full", "text")],
        );
        check("", 9, &[]);
    }

    #[test]
    fn a_text_without_spaces_is_cut_within_characters() {
        let body = "ñ".repeat(100);
        let count = |text: &str| text.chars().count();
        let pieces = cut(&body, 10, count);
        assert!(pieces.iter().all(|piece| count(&body[piece.range.clone()]) <= 20));
        let whole: String = pieces.iter().map(|piece| &body[piece.range.clone()]).collect();
        assert_eq!(whole, body);
    }

    #[test]
    fn a_long_sentence_is_cut_behind_any_space() {
        let count = |text: &str| text.chars().count();
        for space in [" ", "\u{a0}", "\u{3000}", "\u{2028}"] {
            let body = format!("{}{space}{}", "a".repeat(15), "b".repeat(30));
            let pieces = cut(&body, 10, count);
            let first = &body[pieces[0].range.clone()];
            assert_eq!(first.trim_end(), "a".repeat(15), "{space:?}");
            let shown: usize = pieces
                .iter()
                .map(|piece| count(body[piece.range.clone()].trim_end()))
                .sum();
            assert_eq!(shown, 45, "{space:?}");
        }
    }
}
