//! `/v1/embeddings`: vectors in the shape of OpenAI's API, so that its clients work unchanged.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use desk::field::MAX_BODY_CHARS;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::failure::knowledge_problem;
use crate::http::json::Body;
use crate::http::login::Intake;
use crate::http::problem::{BadField, Problem, ProblemDocument};

/// Texts of one request at most, as in OpenAI's API.
const MAX_TEXTS: usize = 2_048;

/// The routes of this resource.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(embed))
}

/// Texts to embed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingsBody {
    /// The encoder's name, as `/v1/embeddings` answers it.
    #[schema(example = "all-MiniLM-L6-v2")]
    model: String,
    /// A text, or a list of 1 to 2,048 texts.
    #[schema(value_type = Input)]
    input: Value,
    /// How vectors are written; `float` when left out.
    encoding_format: Option<EncodingFormat>,
    /// The encoder's own number of dimensions, where given.
    dimensions: Option<usize>,
    /// Taken, as clients send it, and not used.
    #[serde(rename = "user")]
    _user: Option<String>,
}

/// A text or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[allow(
    dead_code,
    reason = "the schema of a field that is read by hand, so that faults name the entry"
)]
enum Input {
    /// One text.
    One(String),
    /// Several texts.
    Several(Vec<String>),
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncodingFormat {
    /// A list of numbers.
    Float,
    /// The little-endian bytes of the 32-bit floats in base64.
    Base64,
}

/// Vectors in the order of the texts.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingsView {
    /// Always `list`.
    object: &'static str,
    /// One entry a text.
    data: Vec<EmbeddingView>,
    /// The encoder's name.
    model: String,
    /// What it cost.
    usage: Usage,
}

/// One vector.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingView {
    /// Always `embedding`.
    object: &'static str,
    /// Which text.
    index: usize,
    /// The unit vector.
    embedding: Vector,
}

/// A vector as numbers or as base64.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Float(Vec<f32>),
    /// The little-endian bytes of the 32-bit floats in base64.
    Base64(String),
}

/// Tokens read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Tokens of all texts, as the encoder reads them.
    prompt_tokens: usize,
    /// The same; nothing is generated.
    total_tokens: usize,
}

/// Embeds texts.
#[utoipa::path(post, operation_id = "create_embeddings", path = "/embeddings", tag = "embeddings", request_body = EmbeddingsBody,
    responses((status = 200, body = EmbeddingsView), (status = 404, body = ProblemDocument, description = "Another model."),
        (status = 422, body = ProblemDocument), (status = 429, body = ProblemDocument)))]
async fn embed(
    State(app): State<Arc<App>>,
    _: Intake,
    Body(body): Body<EmbeddingsBody>,
) -> Result<Json<EmbeddingsView>, Problem> {
    check_model(&app, &body)?;
    let texts = texts(body.input)?;
    let (tokens, texts) = counted(&app, texts).await?;
    let vectors = app.knowledge.embed_verbatim(texts).await.map_err(knowledge_problem)?;
    let format = body.encoding_format.unwrap_or(EncodingFormat::Float);
    let entry = |(index, vector)| EmbeddingView {
        object: "embedding",
        index,
        embedding: Vector::of(vector, format),
    };
    Ok(Json(EmbeddingsView {
        object: "list",
        data: vectors.into_iter().enumerate().map(entry).collect(),
        model: app.encoder_name().to_owned(),
        usage: Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    }))
}

/// The texts and how many tokens they are, counted where nobody waits for the thread: two megabytes take their time.
async fn counted(app: &Arc<App>, texts: Vec<String>) -> Result<(usize, Vec<String>), Problem> {
    let app = Arc::clone(app);
    let count = move || app.knowledge.count_tokens(&texts).map(|tokens| (tokens, texts));
    let counted = tokio::task::spawn_blocking(count).await;
    counted
        .map_err(|error| Problem::internal().because(error))?
        .map_err(knowledge_problem)
}

/// Another model, or another length than this encoder's, is refused rather than silently replaced.
fn check_model(app: &App, body: &EmbeddingsBody) -> Result<(), Problem> {
    if body.model != app.encoder_name() {
        let detail = format!("This server embeds with {}; name that model.", app.encoder_name());
        let fault = BadField::new("model", "unknown", format!("must be {}", app.encoder_name()));
        return Err(Problem::new(StatusCode::NOT_FOUND, "unknown-model", detail).with_errors(vec![fault]));
    }
    match body.dimensions {
        Some(wanted) if wanted != app.encoder_dimensions() => {
            let message = format!("must be {} or left out", app.encoder_dimensions());
            Err(Problem::invalid_field("dimensions", "out_of_range", message))
        }
        _ => Ok(()),
    }
}

fn texts(input: Value) -> Result<Vec<String>, Problem> {
    let texts = match input {
        Value::String(text) => vec![text],
        Value::Array(entries) if entries.is_empty() => {
            return Err(Problem::invalid_field("input", "empty", "must hold at least one text"));
        }
        Value::Array(entries) if entries.len() > MAX_TEXTS => {
            return Err(Problem::invalid_field(
                "input",
                "too_long",
                format!("must hold at most {MAX_TEXTS} texts"),
            ));
        }
        Value::Array(entries) => entries.into_iter().enumerate().map(text).collect::<Result<_, _>>()?,
        _ => {
            return Err(Problem::invalid_field(
                "input",
                "wrong_type",
                "must be a string or a list of strings",
            ));
        }
    };
    for (index, text) in texts.iter().enumerate() {
        let refused = |code, message: &str| Err(Problem::invalid_field(&format!("input[{index}]"), code, message));
        if text.is_empty() {
            return refused("empty", "must not be empty");
        }
        if text.chars().count() > MAX_BODY_CHARS {
            return refused("too_long", &format!("must have at most {MAX_BODY_CHARS} characters"));
        }
    }
    Ok(texts)
}

fn text((index, entry): (usize, Value)) -> Result<String, Problem> {
    match entry {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Array(_) => {
            let message = "must be a string; token ids are not taken, as encoders number tokens differently";
            Err(Problem::invalid_field(
                &format!("input[{index}]"),
                "wrong_type",
                message,
            ))
        }
        _ => Err(Problem::invalid_field(
            &format!("input[{index}]"),
            "wrong_type",
            "must be a string",
        )),
    }
}

impl Vector {
    fn of(vector: Vec<f32>, format: EncodingFormat) -> Self {
        match format {
            EncodingFormat::Float => Vector::Float(vector),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(input: Value) -> Vec<String> {
        let problem = texts(input).expect_err("bad input");
        problem
            .document("", "")
            .errors
            .into_iter()
            .map(|fault| fault.field)
            .collect()
    }

    #[test]
    fn input_is_a_text_or_a_list_of_texts() {
        assert_eq!(texts(json!("a")).expect("one"), ["a"]);
        assert_eq!(texts(json!(["a", "b"])).expect("two"), ["a", "b"]);
        assert_eq!(refused(json!([])), ["input"]);
        assert_eq!(refused(json!(["a", 5])), ["input[1]"]);
        assert_eq!(refused(json!([[1, 2]])), ["input[0]"]);
        assert_eq!(refused(json!(["a", ""])), ["input[1]"]);
        assert_eq!(refused(json!({"a": 1})), ["input"]);
        assert_eq!(refused(json!(["a", "b".repeat(MAX_BODY_CHARS + 1)])), ["input[1]"]);
    }

    #[test]
    fn base64_holds_the_little_endian_floats() {
        let Vector::Base64(text) = Vector::of(vec![1.0, -0.5], EncodingFormat::Base64) else {
            panic!("a text")
        };
        assert_eq!(text, "AACAPwAAAL8=");
    }
}
