//! Identifiers in a text, and what looks like one and is none.
//!
//! An order number, an error code or an article number is one form however it is hyphenated. A query's codes must be
//! found as they are, so there a year, a date, a time, a measure or an ordinal does not count: everybody has those.

use crate::forms::{Kind, folded, hash};

/// Digits that make a code without any letter.
const CODE_DIGITS_MIN: usize = 4;
/// Longest code, in characters without its separators.
const CODE_CHARS_MAX: usize = 40;
/// Digits of a measure at most.
const MEASURE_DIGITS_MAX: usize = 4;
/// Digits of an ordinal at most.
const ORDINAL_DIGITS_MAX: usize = 3;
/// Letters from which on what follows a measure is a word: `24h-support`.
const WORD_LETTERS_MIN: usize = 3;

/// What makes a measure of a short number, in lower case and without accents. Factors and generations are among them
/// (`2FA`, `5G`): they are names of common things.
const UNITS: &[&str] = &[
    "am", "ano", "anos", "bit", "bits", "byte", "bytes", "cm", "d", "day", "days", "dia", "dias", "digit", "digits",
    "dpi", "eur", "fa", "factor", "fps", "ft", "g", "gb", "gbps", "ghz", "gib", "h", "hora", "horas", "hour", "hours",
    "hr", "hrs", "hs", "hz", "in", "inch", "inches", "k", "kb", "kbps", "kg", "khz", "kib", "km", "kw", "kwh", "l",
    "lb", "lbs", "m", "ma", "mah", "mb", "mbps", "mes", "meses", "mg", "mhz", "mib", "min", "mins", "minute",
    "minutes", "minuto", "minutos", "ml", "mm", "month", "months", "ms", "oz", "p", "pack", "person", "pm", "pt", "px",
    "rpm", "s", "sec", "second", "seconds", "secs", "seg", "segundo", "segundos", "semana", "semanas", "step", "steps",
    "tb", "tib", "usd", "user", "users", "v", "w", "week", "weeks", "wk", "wks", "x", "year", "years", "yr", "yrs",
];
/// What makes an ordinal of a number, in English and Spanish.
const ORDINALS: &[&str] = &[
    "st", "nd", "rd", "th", "º", "ª", "er", "ro", "ra", "do", "da", "to", "ta", "mo", "ma", "vo", "va", "no", "na",
];

/// The codes in a text: `A-99817`, `ERR_4711`, `10.2.0.1`, `48213`; of `TL-4410/TL-4411` the whole and both of it.
/// **Persisted** in every stored vector.
pub(crate) fn codes(text: &str) -> Vec<u32> {
    let with_parts = |run| std::iter::once(run).chain(parts(run));
    runs(text).flat_map(with_parts).filter_map(code).collect()
}

/// The codes in a text that tell whoever has them from everybody else, each once; of a list of codes each of it.
pub(crate) fn telling_codes(text: &str) -> Vec<u32> {
    let mut telling = Vec::new();
    let runs = runs(text).flat_map(listed).filter(|run| !is_ordinary(run));
    for code in runs.filter_map(code) {
        if !telling.contains(&code) {
            telling.push(code);
        }
    }
    telling
}

fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | '#')))
}

/// What stands between the slashes; nothing where there is none.
fn parts(run: &str) -> impl Iterator<Item = &str> {
    run.split('/').filter(move |part| part.len() < run.len())
}

/// The parts of a run that lists codes of one shape, else the run.
fn listed(run: &str) -> Vec<&str> {
    let parts: Vec<&str> = parts(run).filter(|part| !part.is_empty()).collect();
    let is_code = |part: &&str| code(part).is_some() && !is_ordinary(part);
    let is_list =
        parts.len() > 1 && parts.iter().all(is_code) && parts.windows(2).all(|two| shape(two[0]) == shape(two[1]));
    if is_list { parts } else { vec![run] }
}

/// A code with every letter and every digit alike.
fn shape(code: &str) -> String {
    let alike = |c: char| match c {
        c if c.is_ascii_digit() => '9',
        c if c.is_alphabetic() => 'a',
        c => c,
    };
    code.chars().map(alike).collect()
}

fn code(run: &str) -> Option<u32> {
    let joined: String = run.chars().filter(|c| c.is_alphanumeric()).collect();
    let digits = joined.chars().filter(char::is_ascii_digit).count();
    let letters = joined.chars().count() - digits;
    let is_code = digits > 0 && (letters > 0 || digits >= CODE_DIGITS_MIN) && digits + letters <= CODE_CHARS_MAX;
    is_code.then(|| hash(Kind::Code, &[&folded(&joined)]))
}

/// Whether a run only looks like a code. What is written with a number sign is meant as one.
fn is_ordinary(run: &str) -> bool {
    if run.contains('#') {
        return false;
    }
    let is_usual = |part: &str| !part.contains(|c: char| c.is_ascii_digit()) || is_usual_part(part);
    is_date(run) || run.split('/').all(is_usual)
}

/// `12/05/2024`, `2024-05-12`, `12.05.2024`, `12/05/24`, `05/2024`. Dots part the numbers of a version and hyphens
/// those of an order, so there the whole date has to be said.
fn is_date(run: &str) -> bool {
    let numbers: Vec<&str> = run.split(['-', '_', '.', '/']).collect();
    let is_short = |number: &&str| (1..=2).contains(&number.len()) && is_number(number);
    let has_slashes = run.contains('/');
    match numbers.as_slice() {
        [year, month, day] if is_year(year) => is_short(month) && is_short(day),
        [day, month, year] => is_short(day) && is_short(month) && (is_year(year) || (has_slashes && is_short(year))),
        [one, other] => has_slashes && ((is_year(one) && is_short(other)) || (is_short(one) && is_year(other))),
        _ => false,
    }
}

/// A part without slashes: one usual word or several (`8am-5pm`), a number and its unit (`1.5GB`, `30-day`), a time or
/// a price (`10.30`), a measure before words (`24h-support`).
fn is_usual_part(part: &str) -> bool {
    let part = folded(part);
    let words: Vec<&str> = part.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect();
    let is_of_letters = |word: &&str| word.chars().count() >= WORD_LETTERS_MIN && word.chars().all(char::is_alphabetic);
    match words.as_slice() {
        [whole, cents] if part.contains('.') && is_number(whole) && is_number(cents) => {
            whole.len() <= 2 && cents.len() <= 2
        }
        [first, rest @ ..] if is_measure(first) && !rest.is_empty() && rest.iter().all(is_of_letters) => true,
        words => words.iter().all(|word| is_usual_word(word)) || is_measure(&words.concat()),
    }
}

fn is_usual_word(word: &str) -> bool {
    is_year(word) || is_measure(word) || is_clock(word)
}

/// A year that people write of.
fn is_year(word: &str) -> bool {
    word.len() == 4 && is_number(word) && (word.starts_with("19") || word.starts_with("20"))
}

/// `24h`, `5gb`, `1st`: a short number and a unit, or an ordinal.
fn is_measure(word: &str) -> bool {
    let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let unit = &word[digits..];
    let is_measure = digits <= MEASURE_DIGITS_MAX && UNITS.contains(&unit);
    digits > 0 && (is_measure || (digits <= ORDINAL_DIGITS_MAX && ORDINALS.contains(&unit)))
}

/// `10h30`.
fn is_clock(word: &str) -> bool {
    word.split_once('h')
        .is_some_and(|(hour, minute)| hour.len() <= 2 && is_number(hour) && minute.len() == 2 && is_number(minute))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_same_with_and_without_separators() {
        assert_eq!(codes("order A-99817."), codes("A99817"));
        assert_ne!(codes("A-99817"), codes("A-99818"));
        for text in ["two words", "in 3 days", "7/8", "500 or 404", "well-known", ""] {
            assert!(codes(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_everybody_has_tells_nobody_apart() {
        let said = "on the 1st, 2nd, 33rd or 4th; within 24h; 24-h; 5GB; 5 GB; 2FA; 2fa-login; 2024; in 1998.; \
            2023-2024; 2023/24; 1.5GB; 10GB/20GB; 30-day trial; 3-month; 8am-5pm; 10.30am; 10h30; 10:30; 10.30; \
            12.50; 99.95%; 12/05/2024; 12.05.2024; 2024-05-12; 12/05/24; 05/2024; 2FA/MFA; 1º; 2ª; 1er; 3 días; \
            3días; 1500mAh; 1080p; 24h-support; 16-inch; 500; 404; 50%";
        for text in said.split("; ") {
            assert!(telling_codes(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_names_one_thing_tells() {
        let said = "E-4711 A12345 TL-4410 0x80070005 48213 ERR_4711 10.2.0.1 SKU-77/B2 INV-2024 2024-0042 \
            INV/2024/0042 #2024 2024-ABC 10.15.7 E5 F21 9781234 12345h KB5034441 v2 ISO-9001";
        for text in said.split(' ') {
            assert_eq!(telling_codes(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn of_codes_in_one_run_each_is_found() {
        let listed = "TL-4410/TL-4411";
        for query in ["TL-4410", "tl4411", "TL-4410/TL-4411"] {
            let held = codes(&format!("Errors {listed}: closed"));
            let sought = telling_codes(query);
            assert!(
                !sought.is_empty() && sought.iter().all(|code| held.contains(code)),
                "{query}"
            );
        }
        assert_eq!(
            telling_codes(listed),
            [telling_codes("TL-4410"), telling_codes("TL-4411")].concat()
        );
    }

    #[test]
    fn one_code_with_a_slash_stays_one() {
        assert_eq!(telling_codes("SKU-77/B2"), telling_codes("sku77b2"));
        assert!(codes("SKU-77/B2").contains(&codes("sku77b2")[0]));
    }

    #[test]
    fn a_code_said_twice_is_one() {
        assert_eq!(telling_codes("A-99817, a99817").len(), 1);
    }
}
