//! Quotes of a CSV file, checked before anything is read: a broken one would swallow the lines that follow, and CSV readers
//! say nothing of it.

/// Follows the quotes of a file whose bytes come in pieces.
///
/// A quote within an unquoted field is taken as text (`5" pipe`), but not at its end, where the opening one is missing.
///
/// **Source:** RFC 4180, section 2.
#[derive(Debug, Clone)]
pub struct Quotes {
    place: Place,
    line: u64,
    /// Line on which the field begins that is being read.
    begun: u64,
}

/// Where in a field the scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Unquoted,
    /// After a quote in the middle of an unquoted field: a stray mark, unless the field ends here.
    QuoteInside,
    Quoted,
    /// After a quote in a quoted field: its end, or the first of a doubled one.
    QuoteSeen,
}

impl Default for Quotes {
    fn default() -> Self {
        Quotes {
            place: Place::FieldStart,
            line: 1,
            begun: 1,
        }
    }
}

impl Quotes {
    /// Goes on with these bytes: the line (from 1) on which a field with a broken quote begins, none where the quotes are
    /// whole so far.
    pub fn read(&mut self, bytes: &[u8]) -> Option<u64> {
        for &byte in bytes {
            if self.place == Place::FieldStart {
                self.begun = self.line;
            }
            match step(self.place, byte) {
                Some(next) => self.place = next,
                None => return Some(self.begun),
            }
            self.line += u64::from(byte == b'\n');
        }
        None
    }

    /// The same once all bytes are read: a field may not have ended.
    pub fn end(&self) -> Option<u64> {
        let is_open = matches!(self.place, Place::Quoted | Place::QuoteInside);
        is_open.then_some(self.begun)
    }
}

/// Line (from 1) on which a field with a broken quote begins; none where all quotes are whole.
pub fn find_broken(text: &[u8]) -> Option<u64> {
    let mut quotes = Quotes::default();
    quotes.read(text).or_else(|| quotes.end())
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
        assert_eq!(find_broken(text.as_bytes()), expect, "{text:?}");
        let mut quotes = Quotes::default();
        let by_the_byte = text.as_bytes().chunks(1).find_map(|byte| quotes.read(byte));
        assert_eq!(by_the_byte.or_else(|| quotes.end()), expect, "{text:?} byte by byte");
    }

    #[test]
    fn whole_quotes_pass() {
        check("a,b\n\"x\ny\",\"say \"\"hi\"\"\"\r\n", None);
        check("a,b\n\"x \"\"y\"\"\nz\",1\r\n3\" pipe,2\n\"\",\"\"", None);
        check("size\n5\" pipe,x\n", None);
        check("", None);
    }

    #[test]
    fn a_broken_quote_is_named_by_the_line_its_field_begins_on() {
        check("a,b\n1,2\n3,\"open\n5,6\n", Some(3));
        check("a,b\n\"closed \"early\" again\",3\n", Some(2));
        check("a\n\"x\" y\n", Some(2));
        check("a,b\nno opening\",2\n", Some(2));
        check("a\n\"one\ntwo\nthree\" four\n", Some(2));
        let mut text = "a,b\n".to_owned() + &"1,2\n".repeat(69_998);
        text.push_str("\"broken,2\n");
        text.push_str(&"1,\"fine\"\n".repeat(1_000));
        check(&text, Some(70_000));
    }
}
