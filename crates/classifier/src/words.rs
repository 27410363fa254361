//! Text → normalised words: what "the same word" means to a head.
//!
//! Lower case, accents off (`Facturación` = `facturacion`), every digit a `0` (so `CL-55120` and `CL-90312` are one
//! shape and no order number is ever a feature), addresses and links reduced to a mark.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut: they are encoded attachments, not language.
const MAX_WORD_CHARS: usize = 40;
/// Longer runs of digits all look alike.
const MAX_DIGITS: usize = 4;
/// Standing in for a mail address and for a link.
const EMAIL: &str = "<email>";
const LINK: &str = "<link>";

/// The words of a text in order, normalised; `?`, `!`, `%` and currency signs count as words.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for chunk in text.split_whitespace() {
        match mark(chunk) {
            Some(mark) => words.push(mark.to_owned()),
            None => split(chunk, &mut words),
        }
    }
    words
}

/// Equal for texts that are one and the same to a head: their words are, in the same order, or where they have none, they
/// themselves are but for the blanks around them.
#[must_use]
pub fn same_text(text: &str) -> String {
    let words = words(text).join(" ");
    if words.is_empty() {
        text.trim().to_owned()
    } else {
        words
    }
}

/// Equal for labels that differ only by case or blanks: two of those are one that somebody spelt in two ways.
#[must_use]
pub fn same_label(label: &str) -> String {
    label.to_lowercase().split_whitespace().collect()
}

fn mark(chunk: &str) -> Option<&'static str> {
    let is_link = chunk.contains("://") || chunk.starts_with("www.");
    let is_email = chunk
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if is_link {
        Some(LINK)
    } else if is_email {
        Some(EMAIL)
    } else {
        None
    }
}

fn split(chunk: &str, words: &mut Vec<String>) {
    let mut word = Word::default();
    for c in chunk
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
    {
        match c {
            _ if c.is_numeric() => word.push_digit(),
            _ if c.is_alphabetic() => word.push_letter(c),
            '\'' | '’' => {}
            _ => {
                word.finish(words);
                words.extend(sign(c).map(str::to_owned));
            }
        }
    }
    word.finish(words);
}

fn sign(c: char) -> Option<&'static str> {
    match c {
        '?' | '¿' => Some("?"),
        '!' | '¡' => Some("!"),
        '%' => Some("%"),
        '$' | '€' | '£' => Some("$"),
        _ => None,
    }
}

#[derive(Default)]
struct Word {
    text: String,
    chars: usize,
    digits: usize,
}

impl Word {
    fn push_digit(&mut self) {
        self.digits += 1;
        if self.digits <= MAX_DIGITS {
            self.push('0');
        }
    }

    fn push_letter(&mut self, c: char) {
        self.digits = 0;
        self.push(c);
    }

    fn push(&mut self, c: char) {
        if self.chars < MAX_WORD_CHARS {
            self.text.push(c);
            self.chars += 1;
        }
    }

    fn finish(&mut self, words: &mut Vec<String>) {
        if self.chars > 0 {
            words.push(std::mem::take(&mut self.text));
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{same_label, same_text, words};

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(words(text), expect, "{text:?}");
    }

    #[test]
    fn words_are_lower_case_and_without_accents() {
        check(
            "¿Dónde está mi FACTURACIÓN?",
            &["?", "donde", "esta", "mi", "facturacion", "?"],
        );
        check("don’t can't", &["dont", "cant"]);
        check("Straße ﬁne", &["straße", "fine"]);
    }

    #[test]
    fn numbers_keep_only_their_shape() {
        check(
            "order CL-55120 costs £38.40",
            &["order", "cl", "0000", "costs", "$", "00", "00"],
        );
        check("E207 at 08:52", &["e000", "at", "00", "00"]);
    }

    #[test]
    fn addresses_and_links_become_marks() {
        check(
            "ann@example.org see https://x.example/a?b=1",
            &["<email>", "see", "<link>"],
        );
        check("@home", &["home"]);
    }

    #[test]
    fn texts_are_the_same_by_their_words_or_by_themselves() {
        assert_eq!(same_text(" Paid  TWICE! "), same_text("paid twice!"));
        assert_ne!(same_text("paid twice"), same_text("twice paid"));
        assert_eq!(same_text(" 😀\n"), "😀");
        assert_ne!(same_text("😀"), same_text("😃"));
    }

    #[test]
    fn labels_are_the_same_but_for_case_and_blanks() {
        assert_eq!(same_label(" Log  in"), same_label("login"));
        assert_ne!(same_label("log-in"), same_label("login"));
    }

    #[test]
    fn nasty_texts_have_words_or_none() {
        check("", &[]);
        check(" \u{0} \u{200f}\n", &[]);
        check("😀", &[]);
        check("مرحبا", &["مرحبا"]);
        assert_eq!(words(&"x".repeat(5_000))[0].len(), 40);
    }
}
