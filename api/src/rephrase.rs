//! Suggested answers reworded by a language model behind an OpenAI-compatible endpoint: off unless its address is set.
//!
//! The endpoint sees the cited passages that customers may read and nothing else: not the ticket, not the customer.
//! What it says is shown only when every sentence is supported by the passage it names; else the passages are shown as
//! they are, also when asking and checking together take too long.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use suggest::{Suggest, Suggestion};

use crate::config::RephraseSettings;

/// Longest answer taken from the endpoint. **Units:** bytes of its JSON.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

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
    /// The endpoint, or the check of what it says, takes too long.
    Slow,
    /// The endpoint says something that no passage supports.
    Unsupported,
}

/// The endpoint, if there is one.
pub struct Rephraser {
    settings: RephraseSettings,
    http: ureq::Agent,
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
        let limit = Some(Duration::from_millis(settings.timeout_ms));
        let http = ureq::Agent::config_builder().timeout_global(limit).build();
        Rephraser {
            settings,
            http: http.into(),
        }
    }

    /// The suggestions that customers may be sent, reworded as one reply whose sentences name them as `[1]`, `[2]`… by
    /// their places among all, or why not.
    pub async fn reword(&self, suggest: &Suggest, suggestions: &[Suggestion]) -> Result<String, NotReworded> {
        if self.settings.url.is_empty() {
            return Err(NotReworded::Off);
        }
        if !suggestions.iter().any(Suggestion::is_for_customers) {
            return Err(NotReworded::NothingToSay);
        }
        let limit = Duration::from_millis(self.settings.timeout_ms);
        let reworded = tokio::time::timeout(limit, self.ask_and_check(suggest, suggestions)).await;
        reworded.unwrap_or(Err(NotReworded::Slow))
    }

    async fn ask_and_check(&self, suggest: &Suggest, suggestions: &[Suggestion]) -> Result<String, NotReworded> {
        let text = self.ask(&numbered(suggestions)).await?;
        match suggest.is_supported(&text, suggestions).await {
            Ok(true) => Ok(text),
            Ok(false) => Err(NotReworded::Unsupported),
            Err(error) => {
                tracing::warn!(error = %error, "a reworded answer could not be checked");
                Err(NotReworded::Unsupported)
            }
        }
    }

    /// What the endpoint says. Nothing of it goes to the log.
    async fn ask(&self, passages: &str) -> Result<String, NotReworded> {
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
        let body = serde_json::to_vec(&request).map_err(|_| NotReworded::Down)?;
        let mut asked = self.http.post(&self.settings.url).content_type("application/json");
        let key = self.settings.api_key.expose();
        if !key.is_empty() {
            asked = asked.header("authorization", format!("Bearer {key}"));
        }
        let answer = tokio::task::spawn_blocking(move || read(asked.send(body)?)).await;
        let said = answer.map_err(|_| NotReworded::Down)?.map_err(not_answered)?;
        let response: Response = serde_json::from_slice(&said).map_err(|_| NotReworded::Down)?;
        let first = response.choices.into_iter().next().ok_or(NotReworded::Down)?;
        Ok(first.message.content)
    }
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> Result<Vec<u8>, ureq::Error> {
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    body.read_to_vec()
}

fn not_answered(error: ureq::Error) -> NotReworded {
    // The address may hold a key.
    let reason = match &error {
        ureq::Error::BadUri(_) => "its address is not one".to_owned(),
        error => error.to_string(),
    };
    tracing::warn!(reason, "the endpoint that rewords answers failed");
    match error {
        ureq::Error::Timeout(_) => NotReworded::Slow,
        _ => NotReworded::Down,
    }
}

/// The passages that customers may read, each with its number among all.
fn numbered(suggestions: &[Suggestion]) -> String {
    let all = suggestions.iter().enumerate();
    let passages: Vec<String> = all
        .filter(|(_, suggestion)| suggestion.is_for_customers())
        .map(|(at, suggestion)| format!("[{}] {}", at + 1, suggestion.text))
        .collect();
    passages.join("\n\n")
}
