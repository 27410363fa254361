//! A language apart from its region.

use std::borrow::Cow;

/// The language that a code names, without region or script and in lower case: `en` of `en-US`, `zh` of `zh-Hant-TW`.
///
/// **Source** BCP 47, the primary language subtag.
pub fn primary_language(code: &str) -> Cow<'_, str> {
    let primary = code.split(['-', '_']).next().unwrap_or_default();
    if primary.bytes().any(|b| b.is_ascii_uppercase()) {
        return Cow::Owned(primary.to_ascii_lowercase());
    }
    Cow::Borrowed(primary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_or_a_script_makes_no_other_language() {
        for (code, expect) in [
            ("en", "en"),
            ("en-US", "en"),
            ("EN_gb", "en"),
            ("pt-BR", "pt"),
            ("zh-Hant-TW", "zh"),
            ("fil", "fil"),
            ("", ""),
        ] {
            assert_eq!(primary_language(code), expect, "{code:?}");
        }
    }
}
