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

/// An enum that is written as one word.
pub trait Word: Copy + 'static {
    /// Every variant, in the order of declaration.
    fn all() -> &'static [Self];

    /// The word written to JSON and SQL.
    fn word(self) -> &'static str;

    /// The variant that is written as this word; none where none is.
    fn find(word: &str) -> Option<Self> {
        Self::all().iter().copied().find(|variant| variant.word() == word)
    }
}

/// Declares an enum with one stable word per variant: `as_str`, `Display`,
/// `FromStr`, `ALL`, [`Word`] and serde agree on it.
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

        impl $crate::word::Word for $name {
            fn all() -> &'static [Self] {
                Self::ALL
            }

            fn word(self) -> &'static str {
                self.as_str()
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
                <Self as $crate::word::Word>::find(word).ok_or_else(|| {
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
