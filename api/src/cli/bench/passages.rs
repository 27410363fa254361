//! Passages and questions for `deskwise bench search`: many out of few, so that the encoder reads few.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use encoder::{Encoder, Side};
use eval::{beir, duplicates, rows};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use search::{Payload, Point, Query};
use uuid::Uuid;

use crate::sample;

/// Pieces that are really embedded.
const PIECES_MAX: usize = 4_000;
/// Pieces that make a passage.
const PIECES_A_PASSAGE: usize = 4;
/// Questions asked.
const QUESTIONS: usize = 300;
/// Characters of a piece: about a sentence or two.
const PIECE_CHARS: usize = 200;
/// Texts embedded at once.
const BATCH: usize = 64;
/// Fixed, so that every run measures the same passages.
const SEED: u64 = 7;

/// Sentences with their vectors.
pub struct Pieces {
    texts: Vec<String>,
    vectors: Vec<Vec<f32>>,
    questions: Vec<(String, Vec<f32>)>,
}

/// Reads and embeds the pieces: of the data sets in `data`, or of the sample desk's tickets.
///
/// **Errors:** nothing to read, or the encoder's.
pub async fn pieces(encoder: &Encoder, data: Option<&Path>) -> Result<Pieces> {
    let texts = match data {
        Some(data) => public_texts(data)?,
        None => sample::texts()
            .into_iter()
            .map(|(subject, body)| desk::text::joined(&subject, &body))
            .collect(),
    };
    let mut pieces: Vec<String> = texts.iter().flat_map(|text| cut(text)).collect();
    pieces.sort();
    pieces.dedup();
    pieces.shuffle(&mut StdRng::seed_from_u64(SEED));
    pieces.truncate(PIECES_MAX + QUESTIONS);
    ensure!(
        pieces.len() > 2 * QUESTIONS,
        "{} texts are too few to search among",
        pieces.len()
    );
    let mut vectors = Vec::with_capacity(pieces.len());
    for some in pieces.chunks(BATCH) {
        vectors.extend(encoder.embed(some.to_vec(), Side::Passage).await?);
    }
    let asked = pieces.split_off(pieces.len() - QUESTIONS);
    let questions = asked
        .into_iter()
        .map(|text| text.split_whitespace().take(12).collect::<Vec<_>>().join(" "));
    let asked_vectors = vectors.split_off(pieces.len());
    Ok(Pieces {
        questions: questions.zip(asked_vectors).collect(),
        texts: pieces,
        vectors,
    })
}

/// The texts of every data set below: judged sets, tickets, and rows with a column `text`.
fn public_texts(data: &Path) -> Result<Vec<String>> {
    let folders = std::fs::read_dir(data).with_context(|| format!("cannot read {}", data.display()))?;
    let mut folders: Vec<PathBuf> = folders.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    let mut texts = Vec::new();
    for folder in folders {
        if beir::files(&folder)[0].is_file() {
            texts.extend(beir::read(&folder)?.corpus.iter().map(beir::Document::passage));
        } else if duplicates::files(&folder)[0].is_file() {
            let set = duplicates::read(&folder)?.into_retrieval();
            texts.extend(set.corpus.iter().map(beir::Document::passage));
        } else if let Ok(rows) = rows::texts(&folder.join("train.csv"), &["text".to_owned()]) {
            // Not every table is of texts.
            texts.extend(rows);
        }
    }
    Ok(texts)
}

/// Pieces of a text, cut between words.
fn cut(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text.split_whitespace() {
        if pieces
            .last()
            .is_some_and(|piece| piece.len() + word.len() > PIECE_CHARS)
        {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(word);
            piece.push(' ');
        }
    }
    pieces.retain(|piece| piece.len() > PIECE_CHARS / 4);
    pieces
}

impl Pieces {
    /// A passage of several pieces, its vector their mean; the first piece counts as its title. Always the same for
    /// the same number.
    pub fn passage(&self, number: usize) -> Point {
        let mut rng = StdRng::seed_from_u64(SEED ^ ((number as u64) << 8));
        let picked: Vec<usize> = (0..PIECES_A_PASSAGE)
            .map(|_| rng.random_range(0..self.texts.len()))
            .collect();
        let texts: Vec<&str> = picked.iter().map(|at| self.texts[*at].as_str()).collect();
        Point {
            id: Uuid::from_u128(number as u128),
            vector: self.mean(&picked),
            title_vector: Some(self.vectors[picked[0]].clone()),
            text: texts.concat(),
            language: Some("en".to_owned()),
            payload: Payload::new(),
        }
    }

    fn mean(&self, picked: &[usize]) -> Vec<f32> {
        let mut mean = vec![0.0; self.vectors[0].len()];
        for at in picked {
            mean.iter_mut().zip(&self.vectors[*at]).for_each(|(sum, x)| *sum += x);
        }
        let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt();
        mean.iter().map(|x| x / length.max(f32::EPSILON)).collect()
    }

    /// The questions, by vector and by text.
    pub fn questions(&self, limit: usize) -> Vec<Query> {
        let ask = |(text, vector): &(String, Vec<f32>)| Query {
            vector: Some(vector.clone()),
            text: Some(text.clone()),
            language: Some("en".to_owned()),
            limit,
            ..Query::default()
        };
        self.questions.iter().map(ask).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words_and_crumbs_are_left_out() {
        let pieces = cut(&"word and another ".repeat(40));
        assert!(pieces.len() > 2);
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_CHARS + 1));
        assert!(cut("too short").is_empty());
    }

    #[test]
    fn a_passage_is_always_the_same_and_of_length_one() {
        let pieces = Pieces {
            texts: (0..10).map(|i| format!("text {i} ")).collect(),
            vectors: (0..10).map(|i| vec![i as f32, 1.0]).collect(),
            questions: Vec::new(),
        };
        assert_eq!(pieces.passage(3), pieces.passage(3));
        let length: f32 = pieces.passage(3).vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}
