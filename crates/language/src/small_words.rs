//! The words that hold sentences together, of which a text has more in its own language than in any other.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// Words that hold English sentences together, of those that Spanish does not have.
const ENGLISH: &[&str] = &[
    "about", "after", "again", "am", "an", "and", "any", "are", "at", "be", "been", "before", "but", "by", "can",
    "cannot", "could", "did", "do", "does", "for", "from", "had", "have", "her", "his", "how", "i", "if", "in", "into",
    "is", "it", "its", "my", "not", "of", "off", "on", "or", "our", "out", "please", "she", "should", "since", "some",
    "thank", "thanks", "that", "the", "their", "them", "there", "these", "they", "this", "to", "under", "up", "us",
    "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
];
/// Words that hold Spanish sentences together, of those that English does not have.
const SPANISH: &[&str] = &[
    "al", "ayer", "como", "con", "cuando", "cuándo", "cómo", "de", "del", "desde", "donde", "dónde", "el", "ella",
    "ellos", "en", "era", "es", "esa", "ese", "eso", "esta", "estamos", "este", "esto", "estoy", "está", "están",
    "favor", "fue", "gracias", "hasta", "hay", "hola", "hoy", "la", "las", "le", "les", "lo", "los", "mi", "mis",
    "muy", "más", "nada", "ni", "nos", "nuestra", "nuestro", "para", "pero", "por", "porque", "puede", "puedo", "que",
    "quiero", "qué", "se", "sin", "sobre", "soy", "su", "sus", "sí", "también", "tengo", "tiene", "un", "una", "unas",
    "unos", "y", "ya", "yo",
];
/// Those of them that other languages do not have: Dutch, Danish and German share many of the other English ones,
/// Portuguese, Catalan and Italian of the Spanish ones.
const ALONE: &[&str] = &[
    "and", "any", "are", "but", "from", "it", "las", "los", "muy", "my", "not", "our", "pero", "please", "that", "the",
    "this", "to", "with", "y", "you", "your",
];
/// Longest of them. **Units:** bytes.
const BYTES_MAX: usize = 9;

/// Small words of one language from which on a text may be plainly in it, and those among them that it alone has.
const PLAIN_MIN: usize = 5;
const ALONE_MIN: usize = 2;
/// Of so many words one is a small one in a plain text at least.
const WORDS_TO_A_SMALL_ONE: usize = 4;
/// A plain text has so many times more small words of its language than of the other.
const TIMES_AS_MANY: usize = 8;

#[derive(Debug, Clone, Copy)]
struct SmallWord {
    is_english: bool,
    is_alone: bool,
}

static SMALL_WORDS: LazyLock<FxHashMap<&'static str, SmallWord>> = LazyLock::new(|| {
    let words = |words: &'static [&'static str], is_english| {
        let small = move |word: &&'static str| {
            let is_alone = ALONE.contains(word);
            (*word, SmallWord { is_english, is_alone })
        };
        words.iter().map(small)
    };
    words(ENGLISH, true).chain(words(SPANISH, false)).collect()
});

/// How many small words of either language a text has.
#[derive(Debug, Default)]
pub(crate) struct SmallWords {
    pub english: usize,
    pub spanish: usize,
    english_alone: usize,
    spanish_alone: usize,
    words: usize,
}

impl SmallWords {
    pub fn of(text: &str) -> Self {
        let mut counts = Self::default();
        let words = text.split(|c: char| !c.is_alphabetic());
        for word in words.filter(|word| !word.is_empty()) {
            counts.words += 1;
            let Some(small) = small_word(word) else { continue };
            let (all, alone) = if small.is_english {
                (&mut counts.english, &mut counts.english_alone)
            } else {
                (&mut counts.spanish, &mut counts.spanish_alone)
            };
            *all += 1;
            *alone += usize::from(small.is_alone);
        }
        counts
    }

    /// Whether there is a word among them that no other language has.
    pub fn has_any_alone(&self) -> bool {
        self.english_alone + self.spanish_alone > 0
    }

    /// The language of a text about which there is no doubt, so that no detector need be asked.
    pub fn plain_language(&self) -> Option<&'static str> {
        let is_plain = |own: usize, alone: usize, others: usize| {
            own >= PLAIN_MIN
                && alone >= ALONE_MIN
                && own * WORDS_TO_A_SMALL_ONE >= self.words
                && own >= others * TIMES_AS_MANY
        };
        if is_plain(self.english, self.english_alone, self.spanish) {
            return Some("en");
        }
        is_plain(self.spanish, self.spanish_alone, self.english).then_some("es")
    }
}

fn small_word(word: &str) -> Option<SmallWord> {
    if word.len() > BYTES_MAX {
        return None;
    }
    if word.contains(char::is_uppercase) {
        return SMALL_WORDS.get(word.to_lowercase().as_str()).copied();
    }
    SMALL_WORDS.get(word).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_small_word_is_of_both_languages_or_too_long() {
        let all: Vec<&str> = [ENGLISH, SPANISH].concat();
        assert_eq!(SMALL_WORDS.len(), all.len());
        assert!(all.iter().all(|word| word.len() <= BYTES_MAX));
        assert!(ALONE.iter().all(|word| all.contains(word)));
    }

    #[test]
    fn they_are_counted_whatever_their_case() {
        let counts = SmallWords::of("WHY is the total of ÉL y ella wrong? 1st");
        assert_eq!((counts.english, counts.spanish, counts.words), (4, 2, 10));
    }

    #[test]
    fn a_plain_text_has_many_of_its_own_and_hardly_any_others() {
        let plain = |text| SmallWords::of(text).plain_language();
        assert_eq!(
            plain("I was charged for the same order twice and would like my money back"),
            Some("en")
        );
        assert_eq!(
            plain("El pedido no ha llegado y los plazos se han pasado, pero nadie me contesta"),
            Some("es")
        );
        for text in [
            "I was charged twice",
            "Router error: is LED red, firmware version outdated, reset button broken, cable or port",
            "Hola, my order is not here y no tengo el correo de la tienda, where is it?",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn what_shares_many_of_them_is_plainly_neither() {
        let plain = |text| SmallWords::of(text).plain_language();
        for text in [
            "Ik was in de winkel en het apparaat is kapot, kunnen jullie het ruilen of is er iemand die we nog bellen?",
            "Jeg har ventet i for lang tid og der er ingen der svarer, så have I glemt min sag? Vi har brug for hjælp",
            "Was an dem Gerät kaputt ist, am Montag in der Werkstatt, an wen soll ich mich wenden? Es will nicht an",
            "A la comanda no hi ha la factura, el total es de un mes i el client en vol una",
            "Bom dia, a fatura que me chegou de um cliente por correio este mês não é para mim, como se pode devolver?",
            "La fattura non è di un mio cliente, ma di una ditta con le stesse iniziali: la mando con un corriere?",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
