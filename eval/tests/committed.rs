//! Figures that are committed, in baselines and in the cards of models: each lies within its own interval.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A figure where it was found.
struct Found {
    place: String,
    value: f64,
    low: f64,
    high: f64,
}

impl Found {
    fn is_sound(&self) -> bool {
        self.low <= self.value && self.value <= self.high
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder, or of the folders in it, that have this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let top = entries(&root().join(folder));
    let below = top.iter().filter(|path| path.is_dir()).flat_map(|path| entries(path));
    let mut files: Vec<PathBuf> = below.chain(top.clone()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files.sort();
    files
}

/// Every object with a value, a low and a high.
fn in_json(place: &str, value: &Value, found: &mut Vec<Found>) {
    let number = |name: &str| value.get(name).and_then(Value::as_f64);
    if let (Some(value), Some(low), Some(high)) = (number("value"), number("low"), number("high")) {
        found.push(Found {
            place: place.to_owned(),
            value,
            low,
            high,
        });
    }
    let fields = value.as_object().into_iter().flatten();
    fields.for_each(|(name, value)| in_json(&format!("{place} {name}"), value, found));
}

/// Every `0.9 (0.8 to 1.0)`, every `| 0.9 | 0.8 to 1.0 |`, and what JSON there is.
fn in_card(place: &str, text: &str, found: &mut Vec<Found>) {
    for (at, line) in text.lines().enumerate() {
        let place = format!("{place} line {}", at + 1);
        for (before, after) in splits(line, " to ") {
            let (Some(low), Some(high)) = (last_number(before), first_number(after)) else {
                continue;
            };
            let Some(value) = before[..before.len() - low.len()]
                .trim_end_matches(|c: char| " (|%".contains(c))
                .rsplit(|c: char| !is_of_number(c))
                .next()
                .and_then(|number| number.parse().ok())
            else {
                continue;
            };
            found.push(Found {
                place: place.clone(),
                value,
                low: low.parse().expect("a number"),
                high: high.parse().expect("a number"),
            });
        }
    }
    if let Some((_, json)) = text.split_once("```json\n") {
        let (json, _) = json.split_once("```").expect("the end of the block");
        in_json(place, &serde_json::from_str(json).expect("JSON"), found);
    }
}

fn splits<'a>(line: &'a str, by: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    line.match_indices(by)
        .map(move |(at, _)| (&line[..at], &line[at + by.len()..]))
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || ".-+".contains(c)
}

fn last_number(text: &str) -> Option<&str> {
    let number = text.rsplit(|c| !is_of_number(c)).next()?;
    number.parse::<f64>().is_ok().then_some(number)
}

fn first_number(text: &str) -> Option<&str> {
    let number = text.split(|c| !is_of_number(c)).next()?;
    number.parse::<f64>().is_ok().then_some(number)
}

fn check(found: &[Found], least: usize) {
    assert!(found.len() >= least, "only {} figures were found", found.len());
    let unsound: Vec<String> = found
        .iter()
        .filter(|found| !found.is_sound())
        .map(
            |Found {
                 place,
                 value,
                 low,
                 high,
             }| format!("{place}: {value} ({low} to {high})"),
        )
        .collect();
    assert!(unsound.is_empty(), "{}", unsound.join("\n"));
}

#[test]
fn every_figure_of_a_baseline_lies_within_its_interval() {
    let mut found = Vec::new();
    for path in files("eval/baselines", ".json") {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let baseline: Value = serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("JSON");
        in_json(&name, &baseline, &mut found);
    }
    check(&found, 100);
}

#[test]
fn every_figure_of_a_card_lies_within_its_interval() {
    let mut found = Vec::new();
    for path in files("models", "card.md") {
        let name = path.parent().and_then(Path::file_name).expect("a folder");
        let text = fs::read_to_string(&path).expect("a file");
        in_card(&name.to_string_lossy(), &text, &mut found);
    }
    check(&found, 50);
}

#[test]
fn figures_are_found_in_whatever_way_a_card_tells_them() {
    let card = "| all | 5 | 0.894 (0.886 to 0.901) | 0.007 (0.008 to 0.017) |\n\
                | ece | 0.0657 | 0.0089 to 0.0724 |\n\
                it is right in 95.0 % (94.0 to 96.5) of those, left to people\n\
                ```json\n{\"a\": {\"value\": 1.0, \"low\": 0.5, \"high\": 1.0}}\n```\n";
    let mut found = Vec::new();
    in_card("card", card, &mut found);
    let told: Vec<(f64, bool)> = found.iter().map(|found| (found.value, found.is_sound())).collect();
    assert_eq!(
        told,
        [(0.894, true), (0.007, false), (0.0657, true), (95.0, true), (1.0, true)]
    );
}
