//! Vectors of the encoder that articles are found by, for whoever compares texts or asks for their vectors.

use encoder::Side;

use crate::Knowledge;
use crate::error::KnowledgeError;

impl Knowledge {
    /// The encoder's name.
    pub fn encoder_name(&self) -> &str {
        self.encoder.model()
    }

    /// Length of its vectors.
    pub fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }

    /// Unit vectors of texts that are compared with one another, by the encoder's glossary. **Shape:** `[texts, hidden]`.
    ///
    /// **Errors:** the encoder is busy or down.
    pub async fn embed_to_compare(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, KnowledgeError> {
        Ok(self.glossary_encoder.embed_many(texts, Side::Passage).await?)
    }

    /// Unit vectors of texts as other programs that run the same model have them. **Shape:** `[texts, hidden]`.
    ///
    /// **Errors:** the encoder is busy or down.
    pub async fn embed_verbatim(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, KnowledgeError> {
        Ok(self.encoder.embed_many(texts, Side::Passage).await?)
    }

    /// Tokens of texts together, as the encoder sees them.
    ///
    /// **Errors:** a text that cannot be cut into tokens.
    pub fn count_tokens(&self, texts: &[String]) -> Result<usize, KnowledgeError> {
        Ok(self.encoder.count_tokens(texts)?)
    }
}
