//! The text of a ticket, as people and models read it.

use crate::field::is_blank;

/// Subject and body as one text; the body alone where there is no subject.
pub fn joined(subject: &str, body: &str) -> String {
    if is_blank(subject) {
        body.to_owned()
    } else {
        format!("{subject}\n\n{body}")
    }
}

/// The text without quoted earlier mails and without the signature, so that
/// what the customer says now is what counts. The whole text where nothing
/// else would be left.
pub fn without_quoted_history(text: &str) -> String {
    let said_now: Vec<&str> = text
        .lines()
        .take_while(|line| !opens_history(line) && !opens_signature(line))
        .filter(|line| !line.trim_start().starts_with('>'))
        .collect();
    let kept = said_now.join("\n");
    if is_blank(&kept) {
        text.to_owned()
    } else {
        kept.trim().to_owned()
    }
}

/// A signature is opened by two dashes alone on a line (RFC 3676, section 4.3).
fn opens_signature(line: &str) -> bool {
    line.trim_end() == "--"
}

fn opens_history(line: &str) -> bool {
    let line = line.trim();
    let ruled = line.starts_with("-----") && line.ends_with("-----") && line.len() > 10;
    let introduced = (line.starts_with("On ") && line.ends_with("wrote:"))
        || (line.starts_with("El ") && (line.ends_with("escribió:") || line.ends_with("escribio:")));
    ruled || introduced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(without_quoted_history(text), expect);
    }

    #[test]
    fn what_is_said_now_stays() {
        check(
            "Still broken.\n\nOn Monday, Support wrote:\n> try again",
            "Still broken.",
        );
        check("Sigue igual\nEl lun, 3 mar, Soporte escribió:\n> hola", "Sigue igual");
        check("Yes\n> did it work?\nno, it did not", "Yes\nno, it did not");
        check("Thanks\n-- \nAna, Sales", "Thanks");
        check("Help\n-----Original Message-----\nFrom: x", "Help");
        check("Log:\n----\n12 -- 13", "Log:\n----\n12 -- 13");
    }

    #[test]
    fn nothing_but_history_is_kept_whole() {
        check("> all quoted", "> all quoted");
    }

    #[test]
    fn subject_and_body_are_joined() {
        assert_eq!(joined("", "body"), "body");
        assert_eq!(joined("Subject", "body"), "Subject\n\nbody");
    }
}
