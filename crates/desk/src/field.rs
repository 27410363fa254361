//! Checks of single fields, and what is said when one fails.

use serde::{Deserialize, Serialize};

/// Longest subject line. **Units:** Unicode characters.
pub const MAX_SUBJECT_CHARS: usize = 500;
/// Longest body of a ticket or message. **Units:** Unicode characters.
pub const MAX_BODY_CHARS: usize = 100_000;
/// Longest name, address or foreign id. **Units:** Unicode characters.
pub const MAX_NAME_CHARS: usize = 200;
/// Longest tag. **Units:** Unicode characters.
pub const MAX_TAG_CHARS: usize = 50;
/// Most entries of any list a caller sends (tags, categories, languages, skills).
pub const MAX_ENTRIES: usize = 50;

/// One field that cannot be accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Path of the field as the caller wrote it, e.g. `tags[3]`.
    pub field: String,
    /// The reason for programs.
    pub code: FieldCode,
    /// The reason for people, without the field's content.
    pub message: String,
}

crate::word::words! {
    /// Why a field was refused, stable for programs.
    "field code" FieldCode {
        /// Missing, or nothing but blanks.
        Empty = "empty",
        /// More characters or entries than allowed.
        TooLong = "too_long",
        /// A NUL or another control character besides tab and line ends.
        ControlCharacter = "control_character",
        /// Not of the form the field asks for.
        Malformed = "malformed",
        /// A number outside its range.
        OutOfRange = "out_of_range",
        /// A name that the desk does not know.
        Unknown = "unknown",
        /// Well-formed, but not possible as things stand.
        Refused = "refused",
    }
}

impl FieldError {
    /// The error for `field`, said in `message`.
    pub fn new(field: impl Into<String>, code: FieldCode, message: impl Into<String>) -> Self {
        FieldError {
            field: field.into(),
            code,
            message: message.into(),
        }
    }
}

/// What is wrong with a text that somebody sends beside any record; nothing where it is fit.
pub fn text_faults(field: &str, text: &str, max_chars: usize) -> Vec<FieldError> {
    let mut checks = Checks::default();
    checks.text(field, text, max_chars);
    checks.0
}

/// What is wrong with the tags and the language that something is looked for by; nothing where they are fit.
pub fn filter_faults(tags: &[String], language: Option<&str>) -> Vec<FieldError> {
    let mut checks = Checks::default();
    checks.lines("tags", tags, MAX_TAG_CHARS);
    checks.optional_language("language", language);
    checks.0
}

/// Collects what is wrong with the fields of one record.
#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<FieldError>);

impl Checks {
    /// `Ok(value)` when nothing was found, else everything found.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// Notes one error.
    pub(crate) fn refuse(&mut self, field: &str, code: FieldCode, message: impl Into<String>) {
        self.0.push(FieldError::new(field, code, message));
    }

    /// A text that must say something.
    pub(crate) fn text(&mut self, field: &str, text: &str, max_chars: usize) {
        if is_blank(text) {
            self.refuse(field, FieldCode::Empty, "must not be empty or blank");
        }
        self.characters(field, text, max_chars);
    }

    /// A text that may be left out, but says something where it is given.
    pub(crate) fn optional_text(&mut self, field: &str, text: Option<&str>, max_chars: usize) {
        if let Some(text) = text {
            self.text(field, text, max_chars);
        }
    }

    /// A single line: a text without line ends and tabs.
    pub(crate) fn line(&mut self, field: &str, text: &str, max_chars: usize) {
        self.text(field, text, max_chars);
        if text.contains(['\n', '\r', '\t']) {
            let message = "must be a single line without tabs";
            self.refuse(field, FieldCode::ControlCharacter, message);
        }
    }

    /// A single line that may be left out.
    pub(crate) fn optional_line(&mut self, field: &str, text: Option<&str>, max_chars: usize) {
        if let Some(text) = text {
            self.line(field, text, max_chars);
        }
    }

    /// A list of single lines, each once.
    pub(crate) fn lines(&mut self, field: &str, entries: &[String], max_chars: usize) {
        if entries.len() > MAX_ENTRIES {
            let message = format!("has {} entries, at most {MAX_ENTRIES}", entries.len());
            self.refuse(field, FieldCode::TooLong, message);
            return;
        }
        for (at, entry) in entries.iter().enumerate() {
            self.line(&format!("{field}[{at}]"), entry, max_chars);
            if entries[..at].contains(entry) {
                let message = "occurs more than once";
                self.refuse(&format!("{field}[{at}]"), FieldCode::Malformed, message);
            }
        }
    }

    /// An e-mail address that may be left out: one `@`, something on both sides, no blanks.
    pub(crate) fn optional_email(&mut self, field: &str, email: Option<&str>) {
        let Some(email) = email else { return };
        self.line(field, email, MAX_NAME_CHARS);
        let well_formed = email
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        if !well_formed || email.contains(char::is_whitespace) {
            self.refuse(field, FieldCode::Malformed, "is not an e-mail address");
        }
    }

    /// A language code that may be left out: `es`, `pt-BR`.
    pub(crate) fn optional_language(&mut self, field: &str, language: Option<&str>) {
        if let Some(language) = language {
            self.language(field, language);
        }
    }

    /// A language code such as `es` or `pt-BR`.
    pub(crate) fn language(&mut self, field: &str, language: &str) {
        let primary = language.split('-').next().unwrap_or_default();
        let letters = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric());
        let known_form = (2..=3).contains(&primary.len())
            && primary.chars().all(|c| c.is_ascii_lowercase())
            && language.len() <= 35
            && language.split('-').all(|part| !part.is_empty() && letters(part));
        if !known_form {
            let message = "is not a language code such as en or pt-BR";
            self.refuse(field, FieldCode::Malformed, message);
        }
    }

    fn characters(&mut self, field: &str, text: &str, max_chars: usize) {
        let length = text.chars().count();
        if length > max_chars {
            let message = format!("has {length} characters, at most {max_chars}");
            self.refuse(field, FieldCode::TooLong, message);
        }
        if let Some(found) = text.chars().find(|&c| is_refused_control(c)) {
            let message = format!("contains the control character U+{:04X}", found as u32);
            self.refuse(field, FieldCode::ControlCharacter, message);
        }
    }
}

fn is_refused_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// Whether a text shows nothing: only white space, zero-width characters and controls.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&mut Checks)) -> Vec<FieldCode> {
        let mut checks = Checks::default();
        check(&mut checks);
        checks.0.into_iter().map(|e| e.code).collect()
    }

    #[test]
    fn blank_is_what_shows_nothing() {
        for blank in ["", " \n\t", "\u{200B}\u{FEFF}", "\u{00A0}\u{3000}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for shown in ["a", "😀", ".", " \u{200D}x"] {
            assert!(!is_blank(shown), "{shown:?}");
        }
    }

    #[test]
    fn control_characters_are_named_by_code_point() {
        let mut checks = Checks::default();
        checks.text("body", "a\0b", 10);
        assert_eq!(
            checks.finish(()).unwrap_err()[0].to_string(),
            "body: contains the control character U+0000"
        );
        assert_eq!(codes(|c| c.text("body", "a\tb\r\nc", 10)), []);
        assert_eq!(codes(|c| c.text("body", "\u{85}x", 10)), [FieldCode::ControlCharacter]);
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        assert_eq!(codes(|c| c.text("t", &"ñ".repeat(10), 10)), []);
        assert_eq!(codes(|c| c.text("t", &"ñ".repeat(11), 10)), [FieldCode::TooLong]);
    }

    #[test]
    fn addresses_and_languages() {
        for good in ["a@b", "ana.maria+x@mail.example"] {
            assert_eq!(codes(|c| c.optional_email("e", Some(good))), [], "{good}");
        }
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c"] {
            assert_eq!(
                codes(|c| c.optional_email("e", Some(bad))),
                [FieldCode::Malformed],
                "{bad}"
            );
        }
        for good in ["en", "es", "pt-BR", "zh-Hant-TW", "fil"] {
            assert_eq!(codes(|c| c.language("l", good)), [], "{good}");
        }
        for bad in ["", "e", "EN", "english", "en-", "e n"] {
            assert_eq!(codes(|c| c.language("l", bad)), [FieldCode::Malformed], "{bad}");
        }
    }
}
