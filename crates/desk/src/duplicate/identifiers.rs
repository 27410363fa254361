//! What a text names exactly: order numbers, error codes, addresses, and figures and short codes besides.

use std::collections::{BTreeMap, BTreeSet};

/// Shortest identifier. **Units:** characters.
const IDENTIFIER_CHARS: usize = 5;
/// Digits that make a number an identifier by themselves.
const IDENTIFIER_DIGITS: usize = 5;
/// Digits from which on two identifiers of one kind name two things; fewer may be a model or a version.
const KIND_DIGITS: usize = 4;
/// Digits of a group in a number that is written in groups, as telephone numbers are.
const GROUP_DIGITS: usize = 3;
/// Shortest figure. **Units:** characters.
const FIGURE_CHARS: usize = 2;

/// What a text names: how it is told apart from others, and how it was written.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Identifiers {
    shown: BTreeMap<String, String>,
    kinds: BTreeSet<String>,
}

impl Identifiers {
    pub(super) fn of(text: &str) -> Self {
        let mut found = Identifiers::default();
        each_piece(text, |piece| {
            if is_identifier(piece) {
                let shown = piece.to_lowercase();
                found.kinds.extend(kind(&shown));
                found.shown.insert(key(&shown), shown);
            }
        });
        found
    }

    /// What each is told apart by: the same for `LK-40231`, `lk 40231` and `40231`.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.shown.keys().map(String::as_str)
    }

    /// Whether it names nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Those that the other text names too, as they are written here, with their keys.
    pub(super) fn shared<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let is_shared = |(key, _): &(&'a String, &'a String)| other.shown.contains_key(*key);
        let both = self.shown.iter().filter(is_shared);
        both.map(|(key, shown)| (key.as_str(), shown.as_str()))
    }

    /// Whether both name something, and nothing in common.
    pub(super) fn are_others(&self, other: &Self) -> bool {
        let both_name = !self.shown.is_empty() && !other.shown.is_empty();
        both_name && self.shared(other).next().is_none()
    }

    /// Whether both name something of one kind, say an order number each, and nothing in common.
    pub(super) fn conflict(&self, other: &Self) -> bool {
        !self.kinds.is_disjoint(&other.kinds) && self.shared(other).next().is_none()
    }
}

/// Amounts, versions, times of day and short codes, which alone name nothing.
pub(super) fn figures(text: &str) -> BTreeSet<String> {
    let tokens = text.split_whitespace().map(bare);
    let has_digit = |token: &&str| token.contains(|c: char| c.is_ascii_digit());
    tokens
        .filter(|token| token.len() >= FIGURE_CHARS && has_digit(token) && !is_identifier(token))
        .map(|token| token.to_lowercase().replace(',', ".").replace('-', ""))
        .collect()
}

/// Shows every stretch that may be an identifier; a number in groups is one.
fn each_piece(text: &str, mut see: impl FnMut(&str)) {
    let mut see = |piece: &str| {
        if piece.len() >= IDENTIFIER_CHARS {
            see(piece);
        }
    };
    let mut number = String::new();
    for token in text.split_whitespace() {
        if is_group(bare(token)) {
            number.push_str(bare(token));
        } else {
            see(&number);
            number.clear();
            joined(token).for_each(&mut see);
        }
        if !token.ends_with(char::is_alphanumeric) {
            see(&number);
            number.clear();
        }
    }
    see(&number);
}

fn joined(token: &str) -> impl Iterator<Item = &str> {
    let cut = token.split(|c: char| !c.is_alphanumeric() && !is_joiner(c));
    cut.map(|piece| piece.trim_matches(is_joiner))
}

fn bare(token: &str) -> &str {
    token.trim_matches(|c: char| !c.is_alphanumeric())
}

fn is_group(token: &str) -> bool {
    token.len() >= GROUP_DIGITS && token.chars().all(|c| c.is_ascii_digit())
}

fn is_joiner(c: char) -> bool {
    "._-/:@#".contains(c)
}

fn is_identifier(piece: &str) -> bool {
    // Nearly everything is a word.
    if piece.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return false;
    }
    let letters = piece.chars().filter(|c| c.is_alphabetic()).count();
    let digits = digits(piece).count();
    let is_coded = digits >= IDENTIFIER_DIGITS || (letters > 0 && digits >= 2);
    let is_dotted = piece.contains('.') && letters >= IDENTIFIER_CHARS;
    let is_long = piece.chars().count() >= IDENTIFIER_CHARS;
    is_long && (is_coded || is_dotted || piece.contains('@') || has_inner_capital(piece))
}

fn digits(piece: &str) -> impl Iterator<Item = char> {
    piece.chars().filter(char::is_ascii_digit)
}

fn has_inner_capital(piece: &str) -> bool {
    let next = piece.chars().skip(1);
    piece
        .chars()
        .zip(next)
        .any(|(one, next)| one.is_lowercase() && next.is_uppercase())
}

/// Its digits alone where they are many and what stands before them is a prefix, for people leave that out.
fn key(shown: &str) -> String {
    if is_address(shown) {
        return shown.to_owned();
    }
    let from_first_digit = shown.trim_start_matches(|c: char| !c.is_ascii_digit());
    if digits(shown).count() >= IDENTIFIER_DIGITS && !from_first_digit.contains(char::is_alphabetic) {
        return digits(shown).collect();
    }
    shown.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// What an identifier is a number of: `lk9` for `lk-40231`; none for one that is no number.
fn kind(shown: &str) -> Option<String> {
    if is_address(shown) || digits(shown).count() < KIND_DIGITS {
        return None;
    }
    let mut kind = String::new();
    for c in shown.chars().filter(|c| c.is_alphanumeric()) {
        let c = if c.is_ascii_digit() { '9' } else { c };
        if !(c == '9' && kind.ends_with('9')) {
            kind.push(c);
        }
    }
    Some(kind)
}

fn is_address(shown: &str) -> bool {
    shown.contains(['.', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let found = Identifiers::of(text);
        let mut shown: Vec<&str> = found.shown.values().map(String::as_str).collect();
        shown.sort_unstable();
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn identifiers_are_told_from_words() {
        check("Order LK-40231 did not arrive.", &["lk-40231"]);
        check("invoice 8812345, paid twice", &["8812345"]);
        check("mail.books.example gives E4012", &["e4012", "mail.books.example"]);
        check(
            "a NullPointerException at 10:15, please help!",
            &["nullpointerexception"],
        );
        check("El pago salió dos veces", &[]);
        check("... --- :: 12", &[]);
        check("our number 01632 960 418, thanks", &["01632960418"]);
    }

    fn compare(one: &str, other: &str) -> (usize, bool) {
        let (one, other) = (Identifiers::of(one), Identifiers::of(other));
        (one.shared(&other).count(), one.conflict(&other))
    }

    #[test]
    fn one_number_is_one_however_it_is_written() {
        for other in ["LK-40231", "lk 40231", "order 40231", "LK40231."] {
            assert_eq!(compare("Order LK-40231 is late", other), (1, false), "{other}");
        }
    }

    #[test]
    fn two_numbers_of_a_kind_are_two_things() {
        assert_eq!(compare("order LK-40231", "order LK-40777"), (0, true));
        assert_eq!(compare("ring 0555 0140", "ring 0555 0177"), (0, true));
        assert_eq!(compare("order LK-40231", "claim CL-40777"), (0, false));
        assert_eq!(compare("printer ZL-410", "printer ZL-620"), (0, false));
        assert_eq!(compare("mail.one.example", "mail.two.example"), (0, false));
        assert_eq!(compare("LK-40231 and LK-40777", "LK-40231"), (1, false));
    }

    #[test]
    fn who_names_nothing_names_nothing_else() {
        let are_others = |one: &str, other: &str| Identifiers::of(one).are_others(&Identifiers::of(other));
        assert!(are_others("printer ZL-410", "printer ZL-620"));
        assert!(!are_others("printer ZL-410", "the printer"));
        assert!(!are_others("ZL-410 and ZL-620", "printer ZL-620"));
    }

    #[test]
    fn figures_are_amounts_versions_and_short_codes() {
        let found = figures("Paid €59,00 at 10:15, version 8.4.2, error P-40 on order LK-40231!");
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["10:15", "59.00", "8.4.2", "p40"]
        );
    }
}
