//! Fields of a change, where `null` differs from absent.

use serde::{Deserialize, Deserializer};

/// Reads a field so that `null` (`Some(None)`) differs from absent (`None`).
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
