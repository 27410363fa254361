//! What changed between two versions of an article, line by line.

use desk::NewArticle;
use similar::{ChangeTag, TextDiff};

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is in both.
    Same,
    /// It was added.
    Added,
    /// It was taken out.
    Removed,
}

/// A line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What happened to it.
    pub change: Change,
    /// The line without its end.
    pub text: String,
}

/// The bodies of two versions, line by line in the order of reading. **Source:** Myers' algorithm by the `similar`
/// crate.
pub fn diff(before: &NewArticle, after: &NewArticle) -> Vec<Line> {
    let compared = TextDiff::from_lines(before.body.as_str(), after.body.as_str());
    let line = |change: similar::Change<&str>| Line {
        change: match change.tag() {
            ChangeTag::Equal => Change::Same,
            ChangeTag::Insert => Change::Added,
            ChangeTag::Delete => Change::Removed,
        },
        text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
    };
    compared.iter_all_changes().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_added_and_removed() {
        let lines = diff(
            &NewArticle::draft("t", "a\nb\nc\n"),
            &NewArticle::draft("t", "a\nB\nc\n"),
        );
        let said: Vec<_> = lines.iter().map(|line| (line.change, line.text.as_str())).collect();
        assert_eq!(
            said,
            [
                (Change::Same, "a"),
                (Change::Removed, "b"),
                (Change::Added, "B"),
                (Change::Same, "c")
            ]
        );
    }
}
