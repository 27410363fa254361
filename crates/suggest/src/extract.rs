//! The part of a source that answers: a stretch of whole sentences, cut out and never rewritten. Pure.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// How far below the source's average likeness a sentence may be and still belong: what steps say is seldom like the
/// question, but they stand beside what is.
const MARGIN: f32 = 0.25;

/// A sentence, or a line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// Where it is in the source. **Units:** bytes.
    pub range: Range<usize>,
    /// Whether it is a line of a list, which is not torn apart.
    pub is_item: bool,
}

/// Cuts a text at line ends and sentence ends; what has no letter and no digit is left out.
pub(crate) fn sentences(text: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_item(line) {
            found.extend(trimmed(text, at..at + line.len(), true));
        } else {
            let cut = line.split_sentence_bound_indices();
            found.extend(cut.filter_map(|(start, said)| {
                let range = at + start..at + start + said.len();
                trimmed(text, range, false)
            }));
        }
        at += line.len();
    }
    found
}

/// The stretch of neighbouring sentences that is most like the question, and no longer than `chars_max` unless a list
/// it begins is longer. **Units:** bytes of the text; none where there is no sentence.
pub(crate) fn stretch(text: &str, sentences: &[Sentence], likeness: &[f32], chars_max: usize) -> Option<Range<usize>> {
    let mean = likeness.iter().sum::<f32>() / likeness.len().max(1) as f32;
    let gain: Vec<f32> = likeness.iter().map(|likeness| likeness - mean + MARGIN).collect();
    let mut best: Option<(f32, Range<usize>)> = None;
    for first in 0..sentences.len() {
        let mut sum = 0.0;
        for last in first..sentences.len() {
            sum += gain[last];
            let range = sentences[first].range.start..sentences[last].range.end;
            let fits = last == first || text[range].chars().count() <= chars_max;
            if fits && best.as_ref().is_none_or(|(most, _)| sum > *most) {
                best = Some((sum, first..last + 1));
            }
        }
    }
    let whole = with_whole_list(sentences, best?.1);
    Some(sentences[whole.start].range.start..sentences[whole.end - 1].range.end)
}

/// The stretch with the rest of the lists that it cuts through.
fn with_whole_list(sentences: &[Sentence], mut stretch: Range<usize>) -> Range<usize> {
    let is_item = |at: usize| sentences.get(at).is_some_and(|sentence| sentence.is_item);
    while stretch.start > 0 && is_item(stretch.start) && is_item(stretch.start - 1) {
        stretch.start -= 1;
    }
    while is_item(stretch.end - 1) && is_item(stretch.end) {
        stretch.end += 1;
    }
    stretch
}

/// Whether a line of Markdown is one of a list: `- `, `* `, `+ `, `1. ` or `1) `.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mark = if digits > 0 { &line[digits..] } else { line };
    let marks: &[&str] = if digits > 0 { &[". ", ") "] } else { &["- ", "* ", "+ "] };
    marks.iter().any(|start| mark.starts_with(start))
}

fn trimmed(text: &str, range: Range<usize>, is_item: bool) -> Option<Sentence> {
    let said = &text[range.clone()];
    let start = range.start + (said.len() - said.trim_start().len());
    let said = said.trim();
    said.chars().any(char::is_alphanumeric).then(|| Sentence {
        range: start..start + said.len(),
        is_item,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text)
            .into_iter()
            .map(|sentence| &text[sentence.range])
            .collect()
    }

    #[test]
    fn lines_of_lists_and_sentences_are_cut() {
        let text = "It is off. Turn it on!\n\n1. Open. Then wait.\n- ¿Ya?\n\n---\n";
        assert_eq!(
            cut(text),
            ["It is off.", "Turn it on!", "1. Open. Then wait.", "- ¿Ya?"]
        );
        assert!(cut("...\n \n").is_empty());
    }

    fn taken<'a>(text: &'a str, likeness: &[f32], chars_max: usize) -> &'a str {
        let range = stretch(text, &sentences(text), likeness, chars_max).expect("a stretch");
        &text[range]
    }

    #[test]
    fn the_like_stretch_is_taken_and_the_ends_are_left() {
        let text = "Hello there. Pull the plug. Wait a minute. Kind regards.";
        assert_eq!(taken(text, &[0.1, 0.7, 0.6, 0.1], 500), "Pull the plug. Wait a minute.");
        assert_eq!(taken(text, &[0.1, 0.7, 0.6, 0.1], 20), "Pull the plug.");
    }

    #[test]
    fn a_list_is_not_torn_apart() {
        let text = "To print:\n1. Open it\n2. Close it\n3. Print\nBye.";
        assert_eq!(
            taken(text, &[0.1, 0.8, 0.2, 0.1, 0.0], 10),
            "1. Open it\n2. Close it\n3. Print"
        );
    }

    #[test]
    fn nothing_is_taken_of_nothing() {
        assert_eq!(stretch("", &[], &[], 100), None);
    }
}
