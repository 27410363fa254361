//! What a pull tells while it runs.

/// How far a source has come with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The source in words.
    pub place: String,
    /// The file (or wheel) being fetched.
    pub file: String,
    /// What is there. **Units**: bytes.
    pub bytes: u64,
    /// What there will be, if known. **Units**: bytes.
    pub total: Option<u64>,
}
