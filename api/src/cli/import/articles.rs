//! `deskwise import articles`: a folder into the knowledge base.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use desk::{Actor, ArticleVisibility, FieldError, NewArticle};
use knowledge::import::{self, Defaults};
use knowledge::{Imported, KnowledgeError};

use super::{Place, REJECTED, Rejects, rejected_beside};
use crate::config::Config;
use crate::http::BadField;
use crate::import::Rejected;

/// A folder of articles.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder: .md with front matter, .html and .jsonl, also in folders within it.
    folder: PathBuf,
    /// Who may read an article that does not say: public, internal or draft.
    #[arg(long, default_value = "draft")]
    visibility: ArticleVisibility,
}

/// What became of the articles.
#[derive(Default)]
struct Outcome {
    created: u64,
    changed: u64,
    same: u64,
}

/// One article of a file, or why it is none.
struct Entry {
    /// The file below the folder.
    name: String,
    /// Its line, from 1.
    line: u64,
    article: Result<NewArticle, Vec<FieldError>>,
}

/// Runs the command.
pub async fn run(options: &Options, config: &Config) -> Result<()> {
    let files = files(&options.folder)?;
    let rejected_file = options.rejected_file()?;
    let place = Place::open(config, false).await?;
    let mut rejects = Rejects::new(rejected_file.clone());
    let mut outcome = Outcome::default();
    let mut seen = HashSet::new();
    for file in files {
        for entry in options.entries(&file)? {
            keep(entry, &place, &mut seen, &mut outcome, &mut rejects).await?;
        }
    }
    let rejected = rejects.finish()?;
    println!(
        "{} created, {} changed, {} the same, {rejected} rejected",
        outcome.created, outcome.changed, outcome.same
    );
    if rejected > 0 {
        println!("what was rejected and why is in {}", rejected_file.display());
    }
    place.index_articles(config).await
}

/// The articles of a folder, each readable by everybody where it does not say.
///
/// **Errors**: a file that cannot be read or is no article.
pub fn read(folder: &Path) -> Result<Vec<NewArticle>> {
    let options = Options {
        folder: folder.to_owned(),
        visibility: ArticleVisibility::Public,
    };
    let mut articles = Vec::new();
    for file in files(folder)? {
        for Entry { name, line, article } in options.entries(&file)? {
            articles.push(article.map_err(|errors| anyhow::anyhow!("{name}, line {line}: {errors:?}"))?);
        }
    }
    Ok(articles)
}

async fn keep(
    entry: Entry,
    place: &Place,
    seen: &mut HashSet<String>,
    outcome: &mut Outcome,
    rejects: &mut Rejects,
) -> Result<()> {
    let Entry { name, line, article } = entry;
    let mut reject = |errors: Vec<FieldError>| {
        let reasons = errors.into_iter().map(BadField::from).collect();
        rejects.write(&Rejected {
            line,
            reasons,
            row: name.clone().into(),
        })
    };
    let article = match article {
        Ok(article) => article,
        Err(errors) => return reject(errors),
    };
    if !seen.insert(article.external_id.clone().unwrap_or_default()) {
        let message = "came before in this import; the first one counts";
        let twice = FieldError::new("external_id", desk::FieldCode::Malformed, message);
        return reject(vec![twice]);
    }
    match import::keep(place.store(), article, &Actor::operator("import")).await {
        Ok(Imported::Created) => outcome.created += 1,
        Ok(Imported::Changed) => outcome.changed += 1,
        Ok(Imported::Same) => outcome.same += 1,
        Err(KnowledgeError::Invalid(errors)) => reject(errors)?,
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

impl Options {
    /// Where rejected entries are written: beside the folder, however it is given.
    fn rejected_file(&self) -> Result<PathBuf> {
        let cannot = || format!("cannot tell the name of the folder {}", self.folder.display());
        // `.` and `..` have no name of their own.
        let folder = match self.folder.file_name() {
            Some(_) => self.folder.clone(),
            None => self.folder.canonicalize().with_context(cannot)?,
        };
        // Without the slash that may end it.
        Ok(rejected_beside(&folder.components().collect::<PathBuf>()))
    }

    /// The articles of one file.
    fn entries(&self, file: &Path) -> Result<Vec<Entry>> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file
            .strip_prefix(&self.folder)
            .unwrap_or(file)
            .to_string_lossy()
            .into_owned();
        let entry = |line, article| Entry {
            name: name.clone(),
            line,
            article,
        };
        let Ok(text) = String::from_utf8(bytes) else {
            let fault = FieldError::new("(file)", desk::FieldCode::Malformed, "is not UTF-8");
            return Ok(vec![entry(1, Err(vec![fault]))]);
        };
        let defaults = Defaults {
            name: name.clone(),
            visibility: self.visibility,
        };
        Ok(match ending(file).as_deref() {
            Some("html" | "htm") => vec![entry(1, import::from_html(&text, &defaults))],
            Some("jsonl" | "ndjson") => lines(&text)
                .map(|(line, text)| {
                    let defaults = Defaults {
                        name: format!("{name}:{line}"),
                        ..defaults.clone()
                    };
                    entry(line, import::from_json(text, &defaults))
                })
                .collect(),
            _ => vec![entry(1, import::from_markdown(&text, &defaults))],
        })
    }
}

fn lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at as u64 + 1, line));
    numbered.filter(|(_, line)| !line.trim().is_empty())
}

fn ending(file: &Path) -> Option<String> {
    file.extension().map(|end| end.to_string_lossy().to_ascii_lowercase())
}

/// The files of articles below a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry
                .with_context(|| format!("cannot read the folder {}", folder.display()))?
                .path();
            if path.is_dir() {
                folders.push(path);
            } else if is_article(&path) && !is_of_rejected(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_article(path: &Path) -> bool {
    ending(path).is_some_and(|end| ["md", "markdown", "html", "htm", "jsonl", "ndjson"].contains(&end.as_str()))
}

/// Whether an import wrote the file, about what it had not taken.
fn is_of_rejected(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with(REJECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rejected_is_written_beside_the_folder_and_never_read() {
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let folder = scratch.path().join("kb");
        fs::create_dir(&folder).expect("a folder");
        for name in ["a.md", "kb.rejected.jsonl", ".rejected.jsonl", "b.jsonl"] {
            fs::write(folder.join(name), "{}").expect("a file");
        }
        fs::create_dir(folder.join("deep")).expect("a folder");
        let beside = scratch.path().canonicalize().expect("a path");
        for given in ["", ".", "../kb/", "deep/.."] {
            let folder = folder.join(given);
            let options = Options {
                folder: folder.clone(),
                visibility: ArticleVisibility::Draft,
            };
            let written = options.rejected_file().expect("a file");
            let parent = written.parent().expect("a folder").canonicalize().expect("a path");
            assert_eq!(parent, beside, "{given:?}");
            assert_eq!(written.file_name(), Some("kb.rejected.jsonl".as_ref()), "{given:?}");
            let read = files(&folder).expect("files");
            let read: Vec<_> = read.iter().filter_map(|path| path.file_name()).collect();
            assert_eq!(read, ["a.md", "b.jsonl"], "{given:?}");
        }
    }
}
