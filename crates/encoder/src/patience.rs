//! Texts embedded without being in the way of others: behind everybody's back, or many of them.

use std::time::Duration;

use crate::config::Side;
use crate::encoder::Encoder;
use crate::error::EncoderError;
use crate::queue::Answer;

/// How long to wait where the queue is full.
const BUSY_WAIT: Duration = Duration::from_millis(200);

impl Encoder {
    /// As [`Encoder::embed`], for work that nobody waits for: it waits where the queue is full, and a text that cannot be
    /// embedded spoils no other.
    ///
    /// **Shape**: `[texts]` of `[dimensions]` f32, or of why that text has no vector. **Errors**: those that are of no
    /// text, but never [`EncoderError::Busy`].
    pub async fn embed_patiently(
        &self,
        texts: Vec<String>,
        side: Side,
    ) -> Result<Vec<Result<Vec<f32>, EncoderError>>, EncoderError> {
        match self.embed_when_free(&texts, side).await {
            Err(error) if error.is_of_a_text() => {}
            together => return Ok(together?.into_iter().map(Ok).collect()),
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for text in &texts {
            match self.embed_when_free(std::slice::from_ref(text), side).await {
                Err(error) if error.is_of_a_text() => vectors.push(Err(error)),
                alone => vectors.push(alone?.pop().ok_or(EncoderError::NoVector)),
            }
        }
        Ok(vectors)
    }

    /// As [`Encoder::embed`], for any number of texts: they come to the queue part by part and never take more than half
    /// of it, so that nobody who asks for a few waits for all of them.
    ///
    /// **Shape**: `[texts][dimensions]` f32. **Errors**: [`EncoderError::Busy`] when half of the queue is taken.
    pub async fn embed_many(&self, texts: Vec<String>, side: Side) -> Answer {
        let beside = self.beside_others();
        let mut parts = texts.chunks(beside.queue_texts().div_ceil(2));
        let Some(first) = parts.next() else {
            return Ok(Vec::new());
        };
        let mut vectors = beside.embed(first.to_vec(), side).await?;
        for part in parts {
            vectors.extend(beside.embed_when_free(part, side).await?);
        }
        Ok(vectors)
    }

    async fn embed_when_free(&self, texts: &[String], side: Side) -> Answer {
        loop {
            match self.embed(texts.to_vec(), side).await {
                Err(EncoderError::Busy) => tokio::time::sleep(BUSY_WAIT).await,
                answer => return answer,
            }
        }
    }
}
