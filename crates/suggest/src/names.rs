//! The numbers and names of a sentence, which its sources must have for the sentence to be supported. Pure.

use unicode_segmentation::UnicodeSegmentation;

/// Numbers as words, English and Spanish. Spanish "once" is left to [`is_number`], "un" and "una" say no number.
const NUMBERS: &str = "\
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand \
    thousands million millions dozen dozens half twice double triple cero uno dos tres cuatro cinco seis siete \
    ocho nueve diez doce trece catorce quince veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa \
    cien ciento quinientos quinientas mil miles millón millones docena docenas medio media mitad doble";
/// How written-together Spanish numbers begin.
const NUMBERS_BEGIN: &[&str] = &["dieci", "veinti"];
/// How written-together Spanish numbers end.
const NUMBERS_END: &[&str] = &["cientos", "cientas"];
/// What separates the parts of a domain.
const DOTS: &str = ".．。․";

/// Whether every number and name of a sentence is in one of the sources: what has a digit, an at sign, a slash, a dot
/// or capital within, what is capitalised and does not open a sentence, and numbers as words.
pub(crate) fn names_only_what_is_there(said: &str, sources: &[&str]) -> bool {
    has_names(said, sources) && has_labels(said, sources) && has_numbers(said, sources)
}

fn has_names(said: &str, sources: &[&str]) -> bool {
    let there: Vec<String> = sources.iter().map(|source| source.to_lowercase()).collect();
    said.split_whitespace()
        .map(bare)
        .filter(|word| is_name(word))
        .all(|word| there.iter().any(|source| holds(source, &word.to_lowercase())))
}

/// Labels of buttons and names of people are told from words by their capital alone, so it must be there too.
fn has_labels(said: &str, sources: &[&str]) -> bool {
    labels(said).all(|label| sources.iter().any(|source| holds(source, label)))
}

fn has_numbers(said: &str, sources: &[&str]) -> bool {
    let is_there = |number: &str| {
        let mut words = sources.iter().flat_map(|source| source.unicode_words());
        words.any(|word| word.to_lowercase() == number)
    };
    let words = said.unicode_words().map(str::to_lowercase);
    words
        .filter(|word| is_number(word, said))
        .all(|number| is_there(&number))
}

/// A word without the marks around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn is_name(word: &str) -> bool {
    let has = |is: fn(char) -> bool| word.chars().any(is);
    has(char::is_numeric)
        || has(|c| "@/".contains(c))
        || word.chars().skip(1).any(char::is_uppercase)
        || has_inner_dot(word)
}

/// Whether a dot stands between letters, as in a domain.
fn has_inner_dot(word: &str) -> bool {
    word.char_indices().any(|(at, c)| {
        let after = word[at + c.len_utf8()..].chars().next();
        let before = word[..at].chars().next_back();
        DOTS.contains(c) && before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
    })
}

/// The capitalised words that do not open a sentence.
fn labels(said: &str) -> impl Iterator<Item = &str> {
    let mut opens = true;
    said.split_whitespace().filter_map(move |token| {
        let word = bare(token);
        let is_label = !opens && word.starts_with(char::is_uppercase);
        // What the mark of a list stands before still opens a sentence.
        let is_passed_over = word.is_empty() || opens && is_list_mark(token);
        if !is_passed_over {
            opens = token
                .trim_end_matches(|c: char| !c.is_alphanumeric() && !".!?…".contains(c))
                .ends_with(['.', '!', '?', '…']);
        }
        is_label.then_some(word)
    })
}

fn is_list_mark(token: &str) -> bool {
    let mark = token.trim_start_matches(|c: char| c.is_ascii_digit());
    mark.len() < token.len() && matches!(mark, "." | ")")
}

/// Whether a lower-case word of a sentence says a number.
fn is_number(word: &str, said: &str) -> bool {
    // Eleven in Spanish, and in English an everyday word.
    if word == "once" {
        return language::detect(said) != Some("en");
    }
    NUMBERS.split_whitespace().any(|number| number == word)
        || NUMBERS_BEGIN.iter().any(|start| word.starts_with(start))
        || NUMBERS_END.iter().any(|end| word.ends_with(end))
}

/// Whether a text has a word, and not only as a part of a longer one.
fn holds(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, found)| ends_at(text[..at].chars().rev()) && ends_at(text[at + found.len()..].chars()))
}

/// Whether a word ends where these characters go on: "10" does not in "10.5", nor "shop.example" in "shop.example.org".
fn ends_at(mut further: impl Iterator<Item = char>) -> bool {
    match further.next() {
        Some('.' | ',' | '@') => further.next().is_none_or(|c| !c.is_alphanumeric()),
        next => next.is_none_or(|c| !c.is_alphanumeric()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, source: &str, expect: bool) {
        assert_eq!(names_only_what_is_there(said, &[source]), expect, "{said}");
    }

    #[test]
    fn numbers_and_names_must_be_there() {
        let source = "Hold the button for 10 seconds, then open https://status.example/now in OpenDesk.";
        check("Press it 10 seconds in OpenDesk.", source, true);
        check("See status.example.", source, true);
        check("Press it 100 seconds.", source, false);
        check("Press it 1 second.", source, false);
        check("Press it ٣ seconds.", source, false);
        check("Write to help@shop.example.", source, false);
    }

    #[test]
    fn a_part_of_a_number_or_domain_is_not_there() {
        let source = "It costs 10.50 or 1,000 at pay.shop.example.";
        check("It costs 10.50 at pay.shop.example.", source, true);
        for said in [
            "It costs 10.",
            "It costs 50.",
            "It costs 1.",
            "See shop.example.",
            "See pay.shop.",
        ] {
            check(said, source, false);
        }
    }

    #[test]
    fn labels_and_bare_domains_must_be_there() {
        let source = "Open Settings and press Reconnect. It may take a minute; the café helps.";
        check("Press Reconnect in Settings.", source, true);
        check("Then press Reconnect. After that it may take a minute.", source, true);
        check("1. Open Settings", "1. Open Settings", true);
        check("**Open** Settings", source, true);
        check("Press Factory Reset in Settings.", source, false);
        check("Come back in May.", source, false);
        check("Ask for \u{AB}Éva\u{BB}.", source, false);
        check("Get the new driver at drivers.evil.", source, false);
        check("Get it at drivers。evil", source, false);
        check("It may take a minute... then wait.", source, true);
    }

    #[test]
    fn numbers_as_words_must_be_there() {
        check("Hold it for two minutes.", "Wait two minutes.", true);
        check("Hold it for twenty-five minutes.", "Wait two minutes.", false);
        check("We refund double the price.", "We refund the price.", false);
        check("Espere veinticinco minutos.", "Espere dos minutos.", false);
        check("Le devolvemos quinientos euros.", "Le devolvemos el dinero.", false);
        check(
            "Le devolvemos once euros de la caja.",
            "Le devolvemos el dinero.",
            false,
        );
        check(
            "Try it again once the lid of the printer is closed.",
            "Close the lid.",
            true,
        );
    }
}
