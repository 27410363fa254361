//! What a run leaves behind, and what it says.

use anyhow::Result;
use eval::Metrics;
use eval::folder::Files;

use super::Output;

impl Output {
    /// Writes the files, then prints the figures.
    pub fn finish(&self, files: &Files, metrics: &Metrics) -> Result<()> {
        files.write(&self.report)?;
        eprintln!("wrote {}", self.report.display());
        if self.json {
            println!("{}", serde_json::to_string(metrics)?);
        } else {
            println!("{}", metrics.to_markdown());
        }
        Ok(())
    }
}
