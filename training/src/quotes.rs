//! Where a CSV file breaks its own quoting; the csv crate reads over it and swallows the rest of the file.

/// Line (from 1) in which the first badly quoted field starts, by RFC 4180.
#[must_use]
pub fn find_broken_quote(text: &str) -> Option<u64> {
    let mut line = 1;
    let mut state = State::FieldStart;
    for c in text.chars() {
        state = match (state, c) {
            (State::FieldStart, '"') => State::Quoted { since: line },
            (State::Quoted { since }, '"') => State::QuoteSeen { since },
            (State::QuoteSeen { since }, '"') => State::Quoted { since },
            (quoted @ State::Quoted { .. }, _) => quoted,
            (_, ',' | '\n' | '\r') => State::FieldStart,
            (State::QuoteSeen { since }, _) => return Some(since),
            _ => State::Plain,
        };
        line += u64::from(c == '\n');
    }
    match state {
        State::Quoted { since } => Some(since),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum State {
    FieldStart,
    Plain,
    Quoted { since: u64 },
    QuoteSeen { since: u64 },
}

#[cfg(test)]
mod tests {
    use super::find_broken_quote;

    #[test]
    fn sound_quotes_pass() {
        assert_eq!(
            find_broken_quote("a,b\n\"x \"\"y\"\"\nz\",1\r\n3\" pipe,2\n\"\",\"\""),
            None
        );
    }

    #[test]
    fn broken_quotes_are_found_where_their_field_starts() {
        assert_eq!(find_broken_quote("a,b\n1,2\n\"never closed,3\n4,5\n"), Some(3));
        assert_eq!(find_broken_quote("a,b\n\"closed \"early\" again\",3\n"), Some(2));
        let deep = format!("a,b\n{}\"open,1\nx,y\n", "t,l\n".repeat(69_998));
        assert_eq!(find_broken_quote(&deep), Some(70_000));
    }
}
