//! What a head that is there has learnt, as far as it knows.

use std::path::Path;

use anyhow::Result;
use classifier::Head;
use desk::text::without_quoted_history;

/// The texts a head was fitted on.
#[derive(Debug)]
pub struct Learnt(Head);

impl Learnt {
    /// Of the head in a folder; none where the head does not know, as those do not that were written before it was kept.
    ///
    /// **Errors**: the head cannot be opened.
    pub fn by(folder: &Path) -> Result<Option<Self>> {
        let head = Head::open(folder)?;
        Ok(head.knows_what_it_learnt().then_some(Learnt(head)))
    }

    /// Whether a text, as triage reads it, is among them.
    pub fn has(&self, text: &str) -> bool {
        has_learnt(&self.0, text)
    }
}

/// Whether a head was fitted on a text, as triage reads it.
pub(crate) fn has_learnt(head: &Head, text: &str) -> bool {
    head.has_learnt(&without_quoted_history(text))
}
