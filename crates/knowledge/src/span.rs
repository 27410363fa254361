//! Stretches of a text, counted in characters where the text itself counts in bytes.

use std::ops::Range;

/// A stretch of a text. **Units:** Unicode characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub start: usize,
    /// Where it ends, exclusive.
    pub end: usize,
}

/// Turns rising byte ranges of a text into character spans, in one pass over the text.
pub(crate) struct CharCounter<'t> {
    text: &'t str,
    bytes: usize,
    chars: usize,
}

impl<'t> CharCounter<'t> {
    pub fn new(text: &'t str) -> Self {
        CharCounter {
            text,
            bytes: 0,
            chars: 0,
        }
    }

    /// The span of a range that begins where the one before it ended, or later.
    pub fn span(&mut self, bytes: &Range<usize>) -> Span {
        Span {
            start: self.until(bytes.start),
            end: self.until(bytes.end),
        }
    }

    fn until(&mut self, bytes: usize) -> usize {
        self.chars += self.text[self.bytes..bytes].chars().count();
        self.bytes = bytes;
        self.chars
    }
}

/// Rising byte ranges as character spans.
pub(crate) fn in_characters(text: &str, ranges: Vec<Range<usize>>) -> Vec<Span> {
    let mut counter = CharCounter::new(text);
    ranges.iter().map(|range| counter.span(range)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_characters() {
        let text = "año, té y café";
        let ranges = vec![
            0.."año".len(),
            text.find("té").expect("there")..text.find(" y").expect("there"),
        ];
        let spans = in_characters(text, ranges);
        assert_eq!(spans, [Span { start: 0, end: 3 }, Span { start: 5, end: 7 }]);
    }
}
