//! The titles and headings of all articles, in memory, found by words and by beginnings of words.
//!
//! They say what is probably there; who may read it is what the rows of the store say.

mod tally;
mod terms;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use desk::{Article, ArticleVisibility};
use rustc_hash::FxHashMap;
use search::{folded, primary_language};
use uuid::Uuid;

use crate::cut;
use crate::find::Question;
use crate::titles::tally::{Tally, tallies, whole_weight};
use crate::titles::terms::{Place, StandIn, Terms};
use crate::typed::{Typed, words};

/// Lines of an article that are kept: its title and the first headings.
const LINES_MAX: usize = 200;
/// Share of the typed words, by weight, that a line must have.
const SHARE_MIN: f32 = 0.6;
/// What a title is ahead of a heading.
const OF_TITLE: f32 = 0.1;
/// What it counts that a word follows the one before it as typed.
const IN_ORDER: f32 = 0.05;
/// What it counts that nothing else is in the line.
const WHOLE: f32 = 0.1;
/// The lines of all articles by their words.
#[derive(Debug, Default)]
pub(crate) struct Titles {
    /// Which of `listed` an article is.
    slots: HashMap<Uuid, u32>,
    listed: Vec<Listed>,
    terms: Terms,
}

/// An article; one that is put away has no lines.
#[derive(Debug)]
struct Listed {
    id: Uuid,
    version: i64,
    visibility: ArticleVisibility,
    /// Whatever its region.
    language: Option<String>,
    tags: Vec<String>,
    /// The title, then the headings.
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    text: String,
    words: usize,
}

/// A line that has what was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TitleHit {
    /// The article.
    pub article: Uuid,
    /// The version that has the line.
    pub version: i64,
    /// The heading; none where it is the title.
    pub heading: Option<String>,
    /// Higher is better.
    pub score: f32,
}

impl Titles {
    /// The version known of an article.
    pub fn version(&self, article: Uuid) -> Option<i64> {
        let slot = self.slots.get(&article)?;
        self.listed.get(*slot as usize).map(|listed| listed.version)
    }

    /// Takes an article in, in the place of any older version; whether it was newer than what was known.
    pub fn put(&mut self, article: &Article) -> bool {
        if self.version(article.id).is_some_and(|known| known >= article.version) {
            return false;
        }
        let next = self.listed.len() as u32;
        let slot = *self.slots.entry(article.id).or_insert(next);
        let lines = lines(article);
        if slot < next {
            self.forget(slot);
        }
        for (term, place) in places(slot, &lines) {
            self.terms.put(term, place);
        }
        let lines = lines.into_iter().map(|text| Line {
            words: words(&text).count(),
            text,
        });
        let listed = Listed {
            id: article.id,
            version: article.version,
            visibility: article.fields.visibility,
            language: article
                .fields
                .language
                .as_deref()
                .map(|code| primary_language(code).into_owned()),
            tags: article.fields.tags.clone(),
            lines: lines.collect(),
        };
        match self.listed.get_mut(slot as usize) {
            Some(before) => *before = listed,
            None => self.listed.push(listed),
        }
        true
    }

    /// The lines that have what was typed, the best of each article, best first, and the words of theirs to mark with
    /// how many characters of each.
    pub fn look_up(&self, typed: &Typed, question: &Question, most: usize) -> (Vec<TitleHit>, HashMap<String, usize>) {
        let last = typed.words.len().wrapping_sub(1);
        let asked_for: Vec<bool> = self.listed.iter().map(|listed| listed.is_asked_for(question)).collect();
        let seen = |slot: u32| asked_for[slot as usize];
        let meant = |(at, word): (usize, &String)| self.terms.stand_ins(word, typed.unfinished && at == last, seen);
        let meant: Vec<Vec<StandIn<'_>>> = typed.words.iter().enumerate().map(meant).collect();
        let mut best: FxHashMap<u32, (u16, f32)> = FxHashMap::default();
        for ((slot, line), tally) in tallies(&meant, typed, &asked_for) {
            let Some(score) = self.score(slot, line, tally, typed) else {
                continue;
            };
            let held = best.entry(slot).or_insert((line, score));
            if (score, Reverse(line)) > (held.1, Reverse(held.0)) {
                *held = (line, score);
            }
        }
        let mut best: Vec<_> = best.into_iter().collect();
        best.sort_by(|(a, (_, of_a)), (b, (_, of_b))| of_b.total_cmp(of_a).then(a.cmp(b)));
        best.truncate(most);
        let hits = best
            .into_iter()
            .filter_map(|(slot, (line, score))| self.hit(slot, line, score));
        let marked = meant.iter().flatten().map(|one| (one.term.to_owned(), one.typed));
        (hits.collect(), marked.collect())
    }

    /// Whether the last word is the beginning of a word of what is asked for and no such word itself: it will go on.
    pub fn will_go_on(&self, typed: &Typed, question: &Question) -> bool {
        let seen = |slot: u32| self.listed[slot as usize].is_asked_for(question);
        typed.growing().is_some_and(|word| self.terms.goes_on(word, seen))
    }

    fn forget(&mut self, slot: u32) {
        let before = self
            .listed
            .get(slot as usize)
            .into_iter()
            .flat_map(|listed| &listed.lines);
        let terms: HashSet<String> = before.flat_map(|line| terms(&line.text)).collect();
        for term in terms {
            self.terms.forget(&term, slot);
        }
    }

    /// How good a line is; none where it has too little of what was typed.
    fn score(&self, slot: u32, line: u16, tally: Tally, typed: &Typed) -> Option<f32> {
        let all = whole_weight(typed);
        if tally.has < SHARE_MIN * all {
            return None;
        }
        let words = self.listed.get(slot as usize)?.lines.get(usize::from(line))?.words;
        let filled = tally.words() as f32 / words.max(1) as f32;
        let of_title = if line == 0 { OF_TITLE } else { 0.0 };
        Some(tally.worth / all + of_title + IN_ORDER * tally.in_order() as f32 + WHOLE * filled.min(1.0))
    }

    fn hit(&self, slot: u32, line: u16, score: f32) -> Option<TitleHit> {
        let listed = self.listed.get(slot as usize)?;
        let heading = listed.lines.get(usize::from(line)).filter(|_| line > 0);
        Some(TitleHit {
            article: listed.id,
            version: listed.version,
            heading: heading.map(|line| line.text.clone()),
            score,
        })
    }
}

impl Listed {
    fn is_asked_for(&self, question: &Question) -> bool {
        let language = question.language.as_deref().map(primary_language);
        question.visibility.contains(&self.visibility)
            && (language.is_none() || language.as_deref() == self.language.as_deref())
            && question.tags.iter().all(|tag| self.tags.contains(tag))
    }
}

fn lines(article: &Article) -> Vec<String> {
    if article.fields.archived {
        return Vec::new();
    }
    let title = std::iter::once(article.fields.title.clone());
    title
        .chain(cut::headings(&article.fields.body))
        .take(LINES_MAX)
        .collect()
}

fn terms(line: &str) -> impl Iterator<Item = String> {
    words(line).map(|run| folded(&line[run]))
}

fn places(slot: u32, lines: &[String]) -> Vec<(String, Place)> {
    let of_line = |(line, text): (u16, &String)| {
        let place = move |(word, term): (u16, String)| (term, Place { slot, line, word });
        // What comes after so many words is not looked for.
        (0..u16::MAX).zip(terms(text)).map(place).collect::<Vec<_>>()
    };
    (0..).zip(lines).flat_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use desk::NewArticle;
    use time::OffsetDateTime;

    use super::*;

    fn article(id: u128, version: i64, fields: NewArticle) -> Article {
        Article {
            id: Uuid::from_u128(id),
            fields,
            version,
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn public(title: &str, body: &str) -> NewArticle {
        NewArticle {
            visibility: ArticleVisibility::Public,
            ..NewArticle::draft(title, body)
        }
    }

    fn shelf() -> Titles {
        let mut titles = Titles::default();
        let fields = [
            public(
                "Close the day at the till",
                "## Count the drawer\n\nText\n\n## Codes\n\nTL-4410",
            ),
            public("The receipt printer prints blank paper", "Text"),
            public("Cerrar la caja del día", "## Más facturación\n\nTexto"),
            public("Print a daily report", "Text"),
            NewArticle::draft("Printer drivers", "Text"),
        ];
        for (id, fields) in (1..).zip(fields) {
            assert!(titles.put(&article(id, 1, fields)));
        }
        titles
    }

    fn asked(text: &str) -> Question {
        Question {
            text: text.to_owned(),
            visibility: vec![ArticleVisibility::Public],
            language: None,
            tags: Vec::new(),
            limit: 8,
        }
    }

    /// The articles that are found, best first.
    fn check(titles: &Titles, text: &str, expect: &[u128]) {
        let (hits, _) = titles.look_up(&Typed::of(text), &asked(text), 10);
        let found: Vec<_> = hits.iter().map(|hit| hit.article.as_u128()).collect();
        assert_eq!(found, expect, "{text:?}: {hits:?}");
    }

    #[test]
    fn the_beginning_of_a_word_finds() {
        let titles = shelf();
        check(&titles, "rec", &[2]);
        check(&titles, "receipt pri", &[2]);
        check(&titles, "how do i close the d", &[1]);
        check(&titles, "c", &[3, 1]);
        check(&titles, "dia", &[3]);
        check(&titles, "dr", &[]);
        check(&titles, "dra", &[1]);
        check(&titles, "FACTURACIÓ", &[3]);
    }

    #[test]
    fn a_finished_word_is_no_beginning() {
        let titles = shelf();
        check(&titles, "print", &[4, 2]);
        check(&titles, "print ", &[4]);
        check(&titles, "rec ", &[]);
    }

    #[test]
    fn headings_find_their_article() {
        let titles = shelf();
        let text = "drawer";
        let (hits, marks) = titles.look_up(&Typed::of(text), &asked(text), 10);
        assert_eq!(hits[0].heading.as_deref(), Some("Count the drawer"));
        assert_eq!(marks, HashMap::from([("drawer".to_owned(), 6)]));
    }

    #[test]
    fn small_typos_find_and_wrong_numbers_do_not() {
        let titles = shelf();
        check(&titles, "reciept printer", &[2]);
        check(&titles, "drawre", &[1]);
        check(&titles, "xeceipt", &[]);
        check(&titles, "4411", &[]);
    }

    #[test]
    fn what_has_little_of_it_or_is_not_asked_for_is_not_found() {
        let titles = shelf();
        check(&titles, "recipe for chocolate cake", &[]);
        check(&titles, "?!", &[]);
        check(&titles, "", &[]);
        check(&titles, "drivers", &[]);
        let drafts = Question {
            visibility: vec![ArticleVisibility::Draft],
            ..asked("drivers")
        };
        assert_eq!(titles.look_up(&Typed::of("drivers"), &drafts, 10).0.len(), 1);
        let tagged = Question {
            tags: vec!["till".to_owned()],
            ..asked("close")
        };
        assert!(titles.look_up(&Typed::of("close"), &tagged, 10).0.is_empty());
    }

    #[test]
    fn a_language_is_meant_whatever_its_region() {
        let mut titles = shelf();
        let regional = NewArticle {
            language: Some("en-US".to_owned()),
            ..public("Void a check", "Text")
        };
        titles.put(&article(9, 1, regional));
        let found = |language: &str| {
            let question = Question {
                language: Some(language.to_owned()),
                ..asked("void")
            };
            titles.look_up(&Typed::of("void"), &question, 10).0.len()
        };
        assert_eq!([found("en"), found("en-GB"), found("es")], [1, 1, 0]);
    }

    #[test]
    fn a_new_version_takes_the_place_of_the_old_one() {
        let mut titles = shelf();
        assert!(titles.put(&article(1, 3, public("Lock the shop", "Text"))));
        assert!(!titles.put(&article(1, 2, public("Close the day at the till", "Text"))));
        check(&titles, "drawer", &[]);
        check(&titles, "lock", &[1]);
        let away = NewArticle {
            archived: true,
            ..public("Lock the shop", "Text")
        };
        assert!(titles.put(&article(1, 4, away)));
        check(&titles, "lock", &[]);
        assert_eq!(titles.version(Uuid::from_u128(1)), Some(4));
    }

    #[test]
    fn a_word_that_goes_on_is_known_by_its_beginning() {
        let titles = shelf();
        let will = |text: &str| titles.will_go_on(&Typed::of(text), &asked(text));
        assert!(will("the receipt pri") && will("rec"));
        assert!(!will("receipt") && !will("rec ") && !will("quantum") && !will(""));
        assert!(!will("driv"), "only a draft has it");
    }

    #[test]
    fn words_of_what_is_not_public_change_nothing_for_who_reads_the_public() {
        let mut titles = shelf();
        // But for the draft's own word this is a typo of "drawer".
        check(&titles, "drawre", &[1]);
        titles.put(&article(9, 1, NewArticle::draft("Drawre of the safe", "Text")));
        check(&titles, "drawre", &[1]);
    }
}
