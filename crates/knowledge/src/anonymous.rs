//! A question as it may be kept: in one spelling, and without what tells who asked it.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use unicode_normalization::UnicodeNormalization;

/// Longest question that is kept; the rest is cut off. **Units:** Unicode characters.
const MAX_CHARS: usize = 200;
/// Letters of a question at which it is cut before anything is looked for in it. **Units:** Unicode characters.
const MAX_READ_CHARS: usize = 1_000;

/// Words that open a sentence after a greeting or follow a word of thanks, and name nobody. Sorted.
const OPENERS: &[&str] = &[
    "a", "after", "are", "can", "could", "cuando", "cuándo", "cómo", "do", "does", "el", "en", "es", "for", "hay",
    "how", "i", "in", "is", "it", "la", "las", "los", "me", "mi", "my", "no", "on", "our", "please", "por", "quiero",
    "qué", "since", "tengo", "that", "the", "there", "this", "to", "un", "una", "we", "what", "when", "where", "which",
    "who", "why", "you", "your",
];

/// One kind of personal data: where it is, and what stands there instead. `$1` is what introduces it and stays. Where
/// the pattern has a group `maybe`, that is a name unless it opens a sentence.
struct Trace {
    pattern: Regex,
    instead: &'static str,
}

/// In this order, because an address holds numbers and names. What introduces a name may be written in any case, the
/// name itself begins with a capital wherever a common word could stand there.
static TRACES: LazyLock<Vec<Trace>> = LazyLock::new(|| {
    const NAMES: &str = r"\p{Lu}[\p{L}'’\-]*(?:\s+\p{Lu}[\p{L}'’\-]*){0,3}";
    const GREETING: &str = r"\b(?i:hi|hello|hey|dear|hola|buenas(?: tardes| noches)?|buenos d[ií]as|estimad[oa]s?|querid[oa]s?|good (?:morning|afternoon|evening))";
    let traces = [
        (r"(?i)\b(?:https?://|www\.)\S+".to_owned(), "[link]"),
        (r"[^\s@<>(),;:\[\]]+@[^\s@<>(),;:\[\]]+".to_owned(), "[email]"),
        (r"(^|\s)@[\p{L}\d_]+".to_owned(), "$1[name]"),
        // Telephone, card and account numbers, dates: six digits and more, whatever stands between them.
        (r"[\p{L}#_\-+(]*\d(?:[\s().\-/]{0,3}\d){5,}[\p{L}\d_\-]*".to_owned(), "[number]"),
        (r"[\p{L}\d#_\-]*\d{5,}[\p{L}\d_\-]*".to_owned(), "[number]"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b".to_owned(), "[number]"),
        (
            format!(r"\b((?i:my name is|my name's|i am called|me llamo|mi nombre es))\s+[\p{{L}}'’\-]+(?:\s+{NAMES})?"),
            "$1 [name]",
        ),
        (
            format!(r"\b((?i:i am|i'm|i’m|this is|soy|le habla|te habla))\s+(?<maybe>{NAMES})"),
            "$1 [name]",
        ),
        (
            format!(r"\b((?i:mr|mrs|ms|miss|dr|prof|sr|sra|srta|don|doña)\b\.?)\s+{NAMES}"),
            "$1 [name]",
        ),
        (format!(r"({GREETING})[\s,]+(?<maybe>{NAMES})"), "$1 [name]"),
        (format!(r"({GREETING})\s+(?<maybe>[\p{{L}}'’\-]+)\s*[,.!:;]"), "$1 [name],"),
        (
            r"\b((?i:regards|sincerely|cheers|thanks|thank you|saludos|un saludo|atentamente|gracias))[\s,.!\-–]+(?<maybe>[\p{L}.'’\-]+(?:\s+[\p{L}.'’\-]+){0,2})\s*$".to_owned(),
            "$1 [name]",
        ),
    ];
    let compiled = traces.into_iter().map(|(pattern, instead)| Trace {
        pattern: Regex::new(&pattern).expect("a pattern of this file"),
        instead,
    });
    compiled.collect()
});

/// The question in lower case with single spaces, without addresses, long numbers, and names where something
/// introduces them; empty where no word of its own is left.
pub(crate) fn without_personal_data(question: &str) -> String {
    let mut text: String = question.chars().take(MAX_READ_CHARS).nfc().collect();
    for trace in TRACES.iter() {
        text = trace.without(&text);
    }
    let folded = text.to_lowercase();
    let words: Vec<&str> = folded
        .split_whitespace()
        .map(trimmed)
        .filter(|word| !word.is_empty())
        .collect();
    if words.iter().all(|word| is_placeholder(word)) {
        return String::new();
    }
    words.join(" ").chars().take(MAX_CHARS).collect()
}

impl Trace {
    /// The text with the placeholder wherever this kind of personal data was.
    fn without(&self, text: &str) -> String {
        let replaced = self.pattern.replace_all(text, |found: &Captures<'_>| {
            if found.name("maybe").is_some_and(|name| opens_sentence(name.as_str())) {
                return found[0].to_owned();
            }
            let mut instead = String::new();
            found.expand(self.instead, &mut instead);
            instead
        });
        replaced.into_owned()
    }
}

/// Whether the first word names nobody: `I`, `I'm`, `The`.
fn opens_sentence(words: &str) -> bool {
    let first = words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    OPENERS.binary_search(&first.to_lowercase().as_str()).is_ok()
}

/// The word without what ends and opens sentences.
fn trimmed(word: &str) -> &str {
    word.trim_matches(['?', '¿', '!', '¡', '.', ',', ';', ':', '…'])
}

fn is_placeholder(word: &str) -> bool {
    matches!(word, "[link]" | "[email]" | "[name]" | "[number]") || !word.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, expect: &str) {
        assert_eq!(without_personal_data(question), expect, "{question:?}");
    }

    #[test]
    fn one_question_is_spelled_one_way() {
        for spelling in [
            "How do I close the till?",
            " how do I  close\nthe TILL ?? ",
            "How do I close the till...",
        ] {
            check(spelling, "how do i close the till");
        }
        check("¿Cómo cierro la caja?", "cómo cierro la caja");
        check("cafe\u{301}", "café");
        check("error TL-4410 on till 3", "error tl-4410 on till 3");
    }

    #[test]
    fn addresses_go() {
        check(
            "resend invoice to ana.lopez+x@mail.example.com please",
            "resend invoice to [email] please",
        );
        check("correo: juan@empresa", "correo [email]");
        check(
            "see https://shop.example/orders?mail=a@b.c&t=1 broken",
            "see [link] broken",
        );
        check("www.example.org/u/77 is down", "[link] is down");
        check("ask @maria_88 about it", "ask [name] about it");
        check("router 192.168.1.20 offline", "router [number] offline");
    }

    #[test]
    fn long_numbers_go_and_codes_stay() {
        check("call me at +34 600 123 456", "call me at [number]");
        check("call (555) 010-9999 now", "call [number] now");
        check("card 4111 1111 1111 1111 declined", "card [number] declined");
        check("IBAN ES91 2100 0418 4502 0005 1332 wrong", "iban [number] wrong");
        check("order A-99817 is late", "order [number] is late");
        check("pedido #48213 no llega", "pedido [number] no llega");
        check("born 12/05/1980", "born [number]");
        check("HTTP 500 on version 2.4.1", "http 500 on version 2.4.1");
        check("ERR_4711 after update", "err_4711 after update");
    }

    #[test]
    fn names_go_where_something_introduces_them() {
        check(
            "Hi, my name is maria and I lost my card",
            "hi my name is [name] and i lost my card",
        );
        check("My name is Ana María López, refund?", "my name is [name] refund");
        check(
            "Me llamo Luis Pérez y no puedo entrar",
            "me llamo [name] y no puedo entrar",
        );
        check("I am John Smith and cannot log in", "i am [name] and cannot log in");
        check("I am locked out", "i am locked out");
        check("soy cliente nuevo", "soy cliente nuevo");
        check("Soy Carmen, la factura está mal", "soy [name] la factura está mal");
        check("Hello Peter, how do I print", "hello [name] how do i print");
        check("hola marta, no imprime", "hola [name] no imprime");
        check(
            "Dear Mrs. O'Brien the till is broken",
            "dear [name] [name] the till is broken",
        );
        check("refund please. Regards, Tom Baker", "refund please regards [name]");
        check("no imprime, gracias Lucía", "no imprime gracias [name]");
        check("invoice of Mr Jones", "invoice of mr [name]");
    }

    #[test]
    fn who_names_nobody_is_left_alone() {
        assert!(OPENERS.is_sorted());
        check("Hi, I lost my phone yesterday", "hi i lost my phone yesterday");
        check("Hello I'm a new customer", "hello i'm a new customer");
        check("Hola, La factura está mal", "hola la factura está mal");
        check("thanks for that", "thanks for that");
        check(
            "how do I say thank you for the help",
            "how do i say thank you for the help",
        );
    }

    #[test]
    fn nothing_but_personal_data_is_nothing() {
        for nothing in ["ana@example.com", "+34 600 123 456", "?!", "", "🙂 600123456"] {
            check(nothing, "");
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        let kept = without_personal_data(&"ñandú ".repeat(3_000));
        assert_eq!(kept.chars().count(), MAX_CHARS);
    }
}
