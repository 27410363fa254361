//! A run on disk: `predictions.jsonl`, `metrics.json` and what else was asked for, whole or not at all.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::metrics::Metrics;
use crate::rows::json_lines;

/// One prediction, or ranking, a line.
pub const PREDICTIONS: &str = "predictions.jsonl";
/// The figures.
pub const METRICS: &str = "metrics.json";
/// The page for people.
pub const REPORT: &str = "report.html";
/// Vectors of the rows, float32, in their order.
pub const EMBEDDINGS: &str = "embeddings.npy";
/// What the head said of texts that belong to no label.
pub const OUT_OF_SCOPE: &str = "out_of_scope.jsonl";

/// All that a run may leave in its folder.
const KNOWN: [&str; 5] = [METRICS, PREDICTIONS, REPORT, EMBEDDINGS, OUT_OF_SCOPE];

/// Files of a run, kept in memory until all of them are there.
#[derive(Debug, Default)]
pub struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// The predictions and the figures of a run.
    ///
    /// **Errors**: a value that JSON cannot hold.
    pub fn new<T: Serialize>(predictions: &[T], metrics: &Metrics) -> Result<Self> {
        let mut files = Files::default();
        files.add_lines(PREDICTIONS, predictions)?;
        files.add(METRICS, pretty(metrics)?);
        Ok(files)
    }

    /// One more file.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.push((name.to_owned(), bytes));
    }

    /// One more file with one value a line.
    ///
    /// **Errors**: a value that JSON cannot hold.
    pub fn add_lines<T: Serialize>(&mut self, name: &str, values: &[T]) -> Result<()> {
        let mut bytes = Vec::new();
        for value in values {
            serde_json::to_writer(&mut bytes, value)?;
            bytes.push(b'\n');
        }
        self.add(name, bytes);
        Ok(())
    }

    /// Writes them into a folder, making it, in the place of those of an earlier run: each file is whole or not there, and
    /// where the figures are, all of the run is. Other files stay.
    ///
    /// **Errors**: the system's, naming the file; where there is no room, the earlier run stays.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let staged = self
            .0
            .iter()
            .map(|(name, bytes)| Ok((name.as_str(), stage(folder, name, bytes)?)));
        let mut staged = staged.collect::<Result<Vec<_>>>()?;
        staged.sort_by_key(|(name, _)| *name == METRICS);
        KNOWN.iter().try_for_each(|name| remove(folder, name))?;
        for (name, file) in staged {
            let path = folder.join(name);
            file.persist(&path)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn stage(folder: &Path, name: &str, bytes: &[u8]) -> Result<NamedTempFile> {
    let cannot = || format!("cannot write {}", folder.join(name).display());
    let mut file = readable().tempfile_in(folder).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    Ok(file)
}

/// A report is for others to read as well: its files are what the umask makes of them.
#[cfg(unix)]
fn readable() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut builder = tempfile::Builder::new();
    builder.permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn readable() -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

fn remove(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// JSON for people and version control: indented, ending in a line break.
///
/// **Errors**: a value that JSON cannot hold.
pub fn pretty<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The figures of a run.
///
/// **Errors**: there is no run in the folder, or its file is broken.
pub fn read_metrics(folder: &Path) -> Result<Metrics> {
    let path = folder.join(METRICS);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("{} is not the folder of a run: cannot read {METRICS}", folder.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is broken", path.display()))
}

/// The predictions, or rankings, of a run.
///
/// **Errors**: there is no run in the folder, or a line is broken.
pub fn read_predictions<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>> {
    json_lines(&folder.join(PREDICTIONS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::mean;
    use crate::metrics::Kind;
    use crate::prediction::Prediction;

    #[test]
    fn a_run_is_written_and_read_again() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().join("deep/run");
        let predictions = vec![Prediction {
            text: "line\nbreak".to_owned(),
            ..Prediction::default()
        }];
        let metrics = Metrics::new(Kind::Classify, 1, [("accuracy", mean(&[1.0]))]);
        let files = Files::new(&predictions, &metrics).expect("files");
        files.write(&folder).expect("room");
        assert_eq!(read_metrics(&folder).expect("metrics"), metrics);
        assert_eq!(
            read_predictions::<Prediction>(&folder).expect("predictions"),
            predictions
        );
        let error = read_metrics(place.path()).expect_err("no run").to_string();
        assert!(error.contains("not the folder of a run"), "{error}");
    }

    #[test]
    fn nothing_of_an_earlier_run_stays_and_what_is_not_ours_does() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path();
        let metrics = Metrics::new(Kind::Classify, 0, []);
        let mut first = Files::new::<Prediction>(&[], &metrics).expect("files");
        first.add(EMBEDDINGS, vec![1]);
        first.write(folder).expect("room");
        fs::write(folder.join("notes.txt"), "mine").expect("room");
        let second = Files::new::<Prediction>(&[], &metrics).expect("files");
        second.write(folder).expect("room");
        let left = |name: &str| folder.join(name).exists();
        assert!(left(PREDICTIONS) && left(METRICS) && left("notes.txt"));
        assert!(!left(EMBEDDINGS), "the second run has made none");
        let files = fs::read_dir(folder).expect("a folder").count();
        assert_eq!(files, 3, "nothing is left of the writing");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_a_report_as_far_as_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().expect("a temporary folder");
        let plain = place.path().join("plain");
        fs::write(&plain, "").expect("room");
        let files = Files::new::<Prediction>(&[], &Metrics::new(Kind::Classify, 0, [])).expect("files");
        files.write(place.path()).expect("room");
        let mode = |name: &str| {
            fs::metadata(place.path().join(name))
                .expect("a file")
                .permissions()
                .mode()
        };
        assert_eq!(mode(METRICS), mode("plain"));
    }
}
