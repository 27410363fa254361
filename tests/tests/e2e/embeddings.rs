//! `/v1/embeddings` in the shape of OpenAI's API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::articles::write;
use crate::desk_under_test::{DeskUnderTest, models_dir, weights};

const MODEL: &str = "all-MiniLM-L6-v2";

#[tokio::test]
async fn floats_and_base64_say_the_same() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let ask = |format: &str| {
        desk.post(
            "/v1/embeddings",
            json!({"model": MODEL, "input": ["hello", "adiós"], "encoding_format": format}),
        )
    };
    let (floats, packed) = (ask("float").await.body, ask("base64").await.body);
    assert_eq!(floats["object"], "list");
    assert!(
        floats["usage"]["prompt_tokens"].as_u64() > Some(4),
        "{}",
        floats["usage"]
    );
    assert_eq!(floats["usage"]["total_tokens"], floats["usage"]["prompt_tokens"]);
    for index in 0..2 {
        let (float, packed) = (&floats["data"][index], &packed["data"][index]);
        assert_eq!(
            (&float["index"], &float["object"]),
            (&json!(index), &json!("embedding"))
        );
        let float: Vec<f32> = serde_json::from_value(float["embedding"].clone()).expect("numbers");
        assert_eq!(float.len(), 384);
        assert!((float.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
        assert_eq!(float, unpacked(&packed["embedding"]));
    }
    desk.finish().await;
}

/// Other programs compare vectors of the same model: what the desk reads by its glossary is given as it is written here.
#[tokio::test]
async fn spanish_is_embedded_as_it_is_written() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let input = json!(["Mi pedido no ha llegado", "my order not have arrive"]);
    let answer = desk
        .post("/v1/embeddings", json!({"model": MODEL, "input": input}))
        .await;
    let vector = |index: usize| -> Vec<f32> {
        serde_json::from_value(answer.body["data"][index]["embedding"].clone()).expect("numbers")
    };
    let cosine: f32 = vector(0).iter().zip(vector(1)).map(|(a, b)| a * b).sum();
    assert!(cosine < 0.9, "{cosine}");
    desk.finish().await;
}

#[tokio::test]
async fn a_single_text_and_what_is_refused() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let one = desk
        .post("/v1/embeddings", json!({"model": MODEL, "input": "hello"}))
        .await;
    assert_eq!(one.body["data"].as_array().map(Vec::len), Some(1), "{one:?}");
    let ask = |body: Value| desk.post("/v1/embeddings", body);
    ask(json!({"model": "gpt", "input": "x"}))
        .await
        .is_problem(404, &[("model", "unknown")]);
    ask(json!({"model": MODEL, "input": []}))
        .await
        .is_problem(422, &[("input", "empty")]);
    ask(json!({"model": MODEL, "input": [[1, 2]]}))
        .await
        .is_problem(422, &[("input[0]", "wrong_type")]);
    ask(json!({"model": MODEL, "input": "x", "dimensions": 7}))
        .await
        .is_problem(422, &[("dimensions", "out_of_range")]);
    ask(json!({"model": MODEL, "input": "x", "encoding_format": "hex"}))
        .await
        .is_problem(422, &[("encoding_format", "unknown")]);
    desk.finish().await;
}

/// A copy of a model's folder under another name: its manifest changed, its other files as they are.
fn renamed(model: &str, place: &Path, name: &str, change: impl Fn(&mut toml::Table)) -> PathBuf {
    let (from, folder) = (models_dir().join(model), place.join(name));
    fs::create_dir(&folder).expect("a folder");
    let manifest = fs::read_to_string(from.join("manifest.toml")).expect("a manifest");
    let mut manifest: toml::Table = manifest.parse().expect("TOML");
    manifest.insert("name".into(), name.into());
    change(&mut manifest);
    for file in manifest["files"].as_array().expect("files") {
        let file = file["path"].as_str().expect("a path");
        let there = fs::canonicalize(from.join(file)).expect("the file");
        std::os::unix::fs::symlink(there, folder.join(file)).expect("a link");
    }
    fs::write(folder.join("manifest.toml"), manifest.to_string()).expect("written");
    folder
}

#[tokio::test]
async fn a_tuned_encoder_for_tickets_moves_neither_embeddings_nor_search() {
    weights();
    let place = tempfile::tempdir().expect("a temporary folder");
    let tuned = renamed(MODEL, place.path(), "tuned", |_| {});
    let learnt_on_it = |manifest: &mut toml::Table| manifest["head"]["encoder"]["name"] = "tuned".into();
    let category = renamed("triage-category", place.path(), "category", learnt_on_it);
    let priority = renamed("triage-priority", place.path(), "priority", learnt_on_it);
    let desk = DeskUnderTest::start_empty(&[
        ("DESK_MODELS__ENCODER", tuned.to_str().expect("UTF-8")),
        ("DESK_MODELS__CATEGORY", category.to_str().expect("UTF-8")),
        ("DESK_MODELS__PRIORITY", priority.to_str().expect("UTF-8")),
    ])
    .await;
    let ticket = desk.submit("Please cancel my subscription").await;
    let models = ticket["decision"]["models"].as_array().expect("models");
    let encoder = models.iter().find(|model| model["role"] == "encoder");
    assert_eq!(
        encoder.map(|encoder| &encoder["name"]),
        Some(&json!("tuned")),
        "{ticket}"
    );
    let ask = |model: &str| desk.post("/v1/embeddings", json!({"model": model, "input": "hello"}));
    assert_eq!(ask(MODEL).await.body["model"], MODEL);
    ask("tuned").await.is_problem(404, &[("model", "unknown")]);
    let body = "Turn the paper roll round: only one side of thermal paper is coated.";
    write(
        &desk,
        json!({"title": "The receipt printer prints blank paper", "visibility": "public", "body": body}),
    )
    .await;
    let found = desk.get("/v1/search?q=receipt+printer+prints+blank+paper").await;
    assert_eq!(found.body["passages"].as_array().map(Vec::len), Some(1), "{found:?}");
    desk.finish().await;
}

/// The real client, where this machine's Python has it.
#[tokio::test]
async fn the_openai_client_works_unchanged() {
    let has_client = Command::new("python3").args(["-c", "import openai"]).output();
    if !has_client.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no openai");
        return;
    }
    let desk = DeskUnderTest::start_empty(&[]).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/openai_client.py");
    let (url, token) = (format!("{}/v1", desk.url()), desk.tokens.intake.clone());
    let run = move || Command::new("python3").args([script, &url, &token]).output();
    let output = tokio::task::spawn_blocking(run)
        .await
        .expect("a thread")
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    desk.finish().await;
}

fn unpacked(text: &Value) -> Vec<f32> {
    let bytes = STANDARD.decode(text.as_str().expect("a text")).expect("base64");
    bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().expect("four bytes")))
        .collect()
}
