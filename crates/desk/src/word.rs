//! Enums that are written as one word, in JSON and in SQL alike.

/// A word that names no variant of the enum it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {got:?}, expected one of {expected}")]
pub struct UnknownWord {
    /// What was being read, e.g. `priority`.
    pub what: &'static str,
    /// The word found.
    pub got: String,
    /// The words that would have been understood, separated by commas.
    pub expected: String,
}

/// Declares an enum with one stable word per variant: `as_str`, `Display`,
/// `FromStr`, `ALL` and serde agree on it.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $what:literal $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $( $(#[$vmeta])* #[serde(rename = $word)] $variant, )+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word written to JSON and SQL. **Persisted.**
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::word::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str() == word).ok_or_else(|| {
                    $crate::word::UnknownWord {
                        what: $what,
                        got: word.chars().take(100).collect(),
                        expected: [$($word),+].join(", "),
                    }
                })
            }
        }
    };
}
pub(crate) use words;
