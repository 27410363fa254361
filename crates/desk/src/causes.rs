//! An error with its causes, in one line.

use std::error::Error;

/// What an error says and what each of its causes says, the first cause next: what a log or a row keeps of it.
pub fn chain(error: &dyn Error) -> String {
    std::iter::successors(error.source(), |cause| (*cause).source())
        .fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot store")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot write")]
    struct Inner(#[source] std::io::Error);

    #[test]
    fn every_cause_is_said_once_and_in_order() {
        let error = Outer(Inner(std::io::Error::other("disk full")));
        assert_eq!(chain(&error), "cannot store: cannot write: disk full");
        assert_eq!(chain(&std::io::Error::other("alone")), "alone");
    }
}
