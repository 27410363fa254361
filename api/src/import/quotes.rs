//! Quotes of a CSV file, checked before anything is read: a broken one would swallow the lines that follow.

use std::io::{self, BufRead};

/// Where in a field the scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Unquoted,
    /// After a quote in the middle of an unquoted field: a stray mark, unless the field ends here.
    QuoteInside,
    Quoted,
    /// After a quote in a quoted field: its end, or the first of a doubled one.
    QuoteSeen,
}

/// Line (from 1) on which a field with a broken quote begins; none where all quotes are whole.
///
/// A quote within an unquoted field is taken as text (`5" pipe`), but not at its end, where the opening one is missing.
///
/// **Source:** RFC 4180, section 2. **Errors:** the file cannot be read.
pub fn find_broken(mut file: impl BufRead) -> io::Result<Option<u64>> {
    let (mut place, mut line, mut begun) = (Place::FieldStart, 1, 1);
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        for &byte in chunk {
            if place == Place::FieldStart {
                begun = line;
            }
            match step(place, byte) {
                Some(next) => place = next,
                None => return Ok(Some(begun)),
            }
            line += u64::from(byte == b'\n');
        }
        let read = chunk.len();
        file.consume(read);
    }
    let broken = matches!(place, Place::Quoted | Place::QuoteInside);
    Ok(broken.then_some(begun))
}

/// The place after a byte; none where the quote is broken.
fn step(place: Place, byte: u8) -> Option<Place> {
    let ends = matches!(byte, b',' | b'\n' | b'\r');
    match (place, byte) {
        (Place::FieldStart, b'"') | (Place::QuoteSeen, b'"') => Some(Place::Quoted),
        (Place::Quoted, b'"') => Some(Place::QuoteSeen),
        (Place::Quoted, _) => Some(Place::Quoted),
        (Place::QuoteSeen, _) => ends.then_some(Place::FieldStart),
        (Place::QuoteInside, _) if ends => None,
        (Place::FieldStart | Place::Unquoted | Place::QuoteInside, _) if ends => Some(Place::FieldStart),
        (Place::Unquoted | Place::QuoteInside, b'"') => Some(Place::QuoteInside),
        (Place::FieldStart | Place::Unquoted | Place::QuoteInside, _) => Some(Place::Unquoted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<u64>) {
        assert_eq!(find_broken(text.as_bytes()).expect("memory"), expect, "{text:?}");
    }

    #[test]
    fn whole_quotes_pass() {
        check("a,b\n\"x\ny\",\"say \"\"hi\"\"\"\r\n", None);
        check("size\n5\" pipe,x\n", None);
        check("", None);
    }

    #[test]
    fn a_broken_quote_is_named_by_the_line_its_field_begins_on() {
        check("a,b\n1,2\n3,\"open\n5,6\n", Some(3));
        check("a\n\"x\" y\n", Some(2));
        check("a,b\nno opening\",2\n", Some(2));
        check("a\n\"one\ntwo\nthree\" four\n", Some(2));
        let mut text = "a,b\n".to_owned() + &"1,2\n".repeat(69_998);
        text.push_str("\"broken,2\n");
        text.push_str(&"1,\"fine\"\n".repeat(1_000));
        check(&text, Some(70_000));
    }
}
