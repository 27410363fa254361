//! Suggested answers reworded by a language model behind an OpenAI-compatible endpoint: off unless its address is set.
//!
//! The endpoint sees the cited passages and nothing else: not the ticket, not the customer. What it says is shown only
//! when every sentence is supported by the passage it names; else the passages are shown as they are.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use suggest::{Suggest, Suggestion};

use crate::config::RephraseSettings;

/// Longest answer taken from the endpoint. **Units:** bytes of its JSON.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What the endpoint is told to do. It marks its sources, so that they can be checked.
const TASK: &str = "You reword passages of a help desk into one short, friendly reply to a customer, in the language of \
    the passages. Say only what the passages say; leave out greetings and signatures. Copy numbers, names, codes and \
    addresses exactly. After each sentence write the number of the passage it is from in square brackets, as in [1].";

/// Why the passages are shown as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotReworded {
    /// No endpoint is set.
    Off,
    /// There is nothing to reword.
    NothingToSay,
    /// The endpoint cannot be reached, refuses, or answers with something else.
    Down,
    /// The endpoint takes too long.
    Slow,
    /// The endpoint says something that no passage supports.
    Unsupported,
}

/// The endpoint, if there is one.
pub struct Rephraser {
    settings: RephraseSettings,
    http: reqwest::Client,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    temperature: f32,
    messages: [Said<'a>; 2],
}

#[derive(Serialize)]
struct Said<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Response {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answer,
}

#[derive(Deserialize)]
struct Answer {
    content: String,
}

impl Rephraser {
    /// The endpoint of these settings.
    pub fn new(settings: RephraseSettings) -> Self {
        Rephraser {
            settings,
            http: reqwest::Client::new(),
        }
    }

    /// The suggestions reworded as one reply whose sentences name them as `[1]`, `[2]`…, or why not.
    pub async fn reword(&self, suggest: &Suggest, suggestions: &[Suggestion]) -> Result<String, NotReworded> {
        if self.settings.url.is_empty() {
            return Err(NotReworded::Off);
        }
        if suggestions.is_empty() {
            return Err(NotReworded::NothingToSay);
        }
        let limit = Duration::from_millis(self.settings.timeout_ms);
        let asked = tokio::time::timeout(limit, self.ask(&numbered(suggestions))).await;
        let text = asked.map_err(|_| NotReworded::Slow)?.ok_or(NotReworded::Down)?;
        match suggest.is_supported(&text, suggestions).await {
            Ok(true) => Ok(text),
            Ok(false) => Err(NotReworded::Unsupported),
            Err(error) => {
                tracing::warn!(error = %error, "a reworded answer could not be checked");
                Err(NotReworded::Unsupported)
            }
        }
    }

    /// What the endpoint says; none when it says nothing of use. Nothing of it goes to the log.
    async fn ask(&self, passages: &str) -> Option<String> {
        let request = Request {
            model: &self.settings.model,
            temperature: 0.0,
            messages: [
                Said {
                    role: "system",
                    content: TASK,
                },
                Said {
                    role: "user",
                    content: passages,
                },
            ],
        };
        let mut asked = self.http.post(&self.settings.url).json(&request);
        let key = self.settings.api_key.expose();
        if !key.is_empty() {
            asked = asked.bearer_auth(key);
        }
        match read(asked).await {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "the endpoint that rewords answers failed");
                None
            }
        }
    }
}

async fn read(asked: reqwest::RequestBuilder) -> Result<Option<String>, reqwest::Error> {
    let mut response = asked.send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    let response: Option<Response> = serde_json::from_slice(&body).ok();
    let first = response.and_then(|response| response.choices.into_iter().next());
    Ok(first.map(|choice| choice.message.content))
}

fn numbered(suggestions: &[Suggestion]) -> String {
    let passage = |(at, suggestion): (usize, &Suggestion)| format!("[{}] {}", at + 1, suggestion.text);
    let passages: Vec<String> = suggestions.iter().enumerate().map(passage).collect();
    passages.join("\n\n")
}
