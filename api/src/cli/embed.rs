//! `deskwise embed`: one text a line in, a .npy file of float32 `[n, hidden]` out.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use encoder::{Encoder, Side};

use crate::cli::meter;
use crate::config::Config;
use crate::open;

/// Texts embedded at once.
const CHUNK: usize = 256;

/// What to embed and where to put it.
#[derive(Debug, Args)]
pub struct Options {
    /// UTF-8, one text a line; an empty line is an empty text.
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    /// Written as NumPy's .npy, float32, one row a text.
    #[arg(long, value_name = "FILE.npy")]
    out: PathBuf,
    /// Which prefix the encoder puts before a text, where it has one.
    #[arg(long, default_value = "passage")]
    side: SideName,
    /// Spanish by the encoder's glossary, as the desk reads it and heads learn from it; else every text as it is.
    #[arg(long)]
    glossary: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideName {
    Query,
    Passage,
}

/// Runs the command.
pub async fn run(options: Options, config: &Config) -> Result<()> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || embed(&options, &config))
        .await
        .context("embedding was interrupted")?
}

fn embed(options: &Options, config: &Config) -> Result<()> {
    let texts = read_texts(&options.texts)?;
    let encoder = open::encoder(config)?;
    let encoder = if options.glossary { encoder } else { encoder.verbatim() };
    let cannot_write = || format!("cannot write {}", options.out.display());
    let folder = options
        .out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // Beside the target and renamed at the end, so that an interrupted run leaves nothing half-written.
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot_write)?;
    write_npy(file.as_file_mut(), &encoder, &texts, side(options.side)).with_context(cannot_write)?;
    file.persist(&options.out).with_context(cannot_write)?;
    println!(
        "{}: float32 [{}, {}]",
        options.out.display(),
        texts.len(),
        encoder.dimensions()
    );
    Ok(())
}

fn write_npy(file: &mut File, encoder: &Encoder, texts: &[String], side: Side) -> Result<()> {
    let mut out = BufWriter::new(file);
    out.write_all(&eval::npy::header(texts.len(), encoder.dimensions()))?;
    let bar = meter::counting("texts", texts.len() as u64);
    for chunk in texts.chunks(CHUNK) {
        for value in encoder.embed_blocking(chunk.to_vec(), side)?.into_iter().flatten() {
            out.write_all(&value.to_le_bytes())?;
        }
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    out.flush()?;
    Ok(())
}

/// The texts of a file, one a line.
///
/// **Errors:** it cannot be read, or a line is not UTF-8; the line is named.
pub fn read_texts(path: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = |(at, line): (usize, &[u8])| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text =
            std::str::from_utf8(line).with_context(|| format!("{} line {} is not UTF-8", path.display(), at + 1))?;
        Ok(text.to_owned())
    };
    if bytes.is_empty() {
        Ok(Vec::new())
    } else {
        lines.split(|byte| *byte == b'\n').enumerate().map(line).collect()
    }
}

fn side(name: SideName) -> Side {
    match name {
        SideName::Query => Side::Query,
        SideName::Passage => Side::Passage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_text_and_a_bad_one_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("texts");
        std::fs::write(&path, "a\n\nb\r\n").expect("a file");
        assert_eq!(read_texts(&path).expect("texts"), ["a", "", "b"]);
        std::fs::write(&path, b"a\n\xff\n").expect("a file");
        assert!(read_texts(&path).expect_err("not UTF-8").to_string().contains("line 2"));
    }
}
