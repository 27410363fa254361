//! A run on disk: `predictions.jsonl`, `metrics.json` and what else was asked for, whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

    /// Writes them into a folder, making it; each file is whole or not there.
    ///
    /// **Errors**: the system's, naming the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        self.0.iter().try_for_each(|(name, bytes)| write(folder, name, bytes))
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let cannot = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    file.write_all(bytes).with_context(cannot)?;
    file.persist(&path).with_context(cannot)?;
    Ok(())
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
}
