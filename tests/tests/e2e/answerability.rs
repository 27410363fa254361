//! `deskwise train answerability`: questions with known answers in, the model out that decides between an answer and
//! silence.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::articles::write;
use crate::desk_under_test::{DeskUnderTest, deskwise, models_dir, refused, said, weights};

/// What an article is about, and how it says so.
const MATTERS: [(&str, &str); 10] = [
    (
        "the receipt printer",
        "Turn the paper roll round; only one side is coated.",
    ),
    (
        "the cash drawer",
        "Push the drawer in until it clicks, then unlock it with the small key.",
    ),
    (
        "the barcode scanner",
        "Hold the trigger for five seconds until the light turns blue.",
    ),
    (
        "a gift card",
        "Open Customers, choose Gift cards, and type the number on the back.",
    ),
    (
        "the monthly invoice",
        "Open Billing; the invoice is made on the first day of the month.",
    ),
    (
        "the customer display",
        "Plug the display into the second port and restart the till.",
    ),
    (
        "a staff password",
        "Open Staff, choose the person, and press Reset password.",
    ),
    (
        "the stock count",
        "Choose Count, walk along the shelves, and confirm each number.",
    ),
    (
        "a delivery note",
        "Print the note from the order and put it into the parcel.",
    ),
    (
        "the loyalty programme",
        "Switch it on under Marketing and choose how many points a sale earns.",
    ),
];

const OTHERS: [&str; 20] = [
    "what is the weather tomorrow",
    "a recipe for apple cake",
    "who won the football match",
    "book a table for two",
    "how tall is the tower",
    "translate this poem",
    "my garden needs water",
    "cheap flights in spring",
    "tell me a joke",
    "learn to play the piano",
    "which film is on tonight",
    "paint the fence white",
    "how old is the moon",
    "my cat does not eat",
    "train times on Sunday",
    "fix a flat bicycle tyre",
    "good books about history",
    "knit a warm scarf",
    "is the museum open",
    "grow tomatoes on a balcony",
];

/// An article and two questions for each matter, and as many questions that nothing answers.
fn write_set(folder: &Path) {
    let lines = |rows: Vec<Value>| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    let article = |(at, (what, how)): (usize, &(&str, &str))| {
        json!({"external_id": format!("a{at}"), "title": format!("All about {what}"), "body": how, "language": "en",
            "visibility": "public"})
    };
    let answered = |(at, (what, how)): (usize, &(&str, &str))| {
        let first: String = how.split([';', ',']).next().unwrap_or_default().to_lowercase();
        let asked = [format!("how does {what} work"), format!("{what}: {first}?")];
        asked.map(|text| json!({"text": text, "answer": format!("a{at}"), "topic": format!("a{at}"), "language": "en"}))
    };
    let mut questions: Vec<Value> = MATTERS.iter().enumerate().flat_map(answered).collect();
    questions.extend(OTHERS.map(|text| json!({"text": text, "answer": null, "topic": null, "language": "en"})));
    for (at, question) in questions.iter_mut().enumerate() {
        question["id"] = json!(format!("q{at}"));
    }
    fs::create_dir_all(folder.join("articles")).expect("a folder");
    let articles = lines(MATTERS.iter().enumerate().map(article).collect());
    fs::write(folder.join("articles/all.jsonl"), articles).expect("a file");
    fs::write(folder.join("questions.jsonl"), lines(questions)).expect("a file");
}

fn train(place: &Path, out: &str) -> Value {
    let mut train = deskwise(&place.join("data"));
    train
        .current_dir(place)
        .args(["train", "answerability", "--data", "questions.jsonl", "--json"]);
    let said = said(train.args(["--articles", "articles", "--out", out]));
    serde_json::from_str(said.lines().last().expect("a line")).expect("one JSON object")
}

#[tokio::test]
async fn the_same_questions_give_the_same_model_and_the_desk_reads_it() {
    weights();
    let place = tempfile::tempdir().expect("a temporary folder");
    write_set(place.path());
    let figures = train(place.path(), "mine");
    assert_eq!((&figures["kind"], &figures["rows"]), (&json!("answers"), &json!(40)));
    assert!(figures["roc_auc"]["value"].as_f64() > Some(0.9), "{figures}");
    train(place.path(), "again/mine");
    for file in ["manifest.toml", "card.md"] {
        let read = |folder: &str| fs::read(place.path().join(folder).join(file)).expect("a file");
        assert!(read("mine") == read("again/mine"), "{file}");
    }

    let manifest = fs::read_to_string(place.path().join("mine/manifest.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let mine = place.path().join("mine");
    let settings = [("DESK_MODELS__ANSWERABILITY", mine.to_str().expect("a path"))];
    let desk = DeskUnderTest::start_empty(&settings).await;
    let found = desk.get("/v1/search?q=receipt+printer").await.body;
    let model = json!({"role": "answerability", "name": "answerability", "revision": manifest["revision"].as_str()});
    assert_eq!(found["model"], model, "{found}");
    let threshold = manifest["answerability"]["threshold"].as_float().expect("a number");
    assert!(
        (found["threshold"].as_f64().expect("a number") - threshold).abs() < 1e-6,
        "{found}"
    );
    desk.finish().await;
}

#[test]
fn what_cannot_be_learnt_from_is_named_and_nothing_is_written() {
    weights();
    let place = tempfile::tempdir().expect("a temporary folder");
    write_set(place.path());
    let questions = place.path().join("questions.jsonl");
    let all = fs::read_to_string(&questions).expect("a file");
    let answered: String = all.lines().take(20).map(|line| format!("{line}\n")).collect();
    for (text, reason) in [
        (answered.as_str(), "without one"),
        ("{\"id\": 1}\n", "line 1"),
        ("", "are needed"),
    ] {
        fs::write(&questions, text).expect("a file");
        let mut train = deskwise(&place.path().join("data"));
        train
            .current_dir(place.path())
            .args(["train", "answerability", "--data", "questions.jsonl"]);
        let error = refused(train.args(["--articles", "articles", "--out", "mine"]));
        assert!(error.contains(reason), "{error}");
        assert!(!place.path().join("mine").exists());
    }
}

/// An article of the sample desk.
async fn write_sample(desk: &DeskUnderTest, name: &str) {
    let path = models_dir().join("../api/sample/articles").join(name);
    let text = fs::read_to_string(path).expect("an article");
    let mut parts = text.splitn(3, "---\n").skip(1);
    let (matter, body) = (parts.next().expect("front matter"), parts.next().expect("a body"));
    let title = matter
        .lines()
        .find_map(|line| line.strip_prefix("title: "))
        .expect("a title");
    let article = json!({"title": title.trim_matches('"'), "visibility": "public", "body": body.trim()});
    write(desk, article).await;
}

#[tokio::test]
async fn what_articles_answer_is_shown_and_what_they_do_not_answer_is_silent() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    for name in ["close-the-day.md", "return-hardware.md", "restablecer-contrasena.md"] {
        write_sample(&desk, name).await;
    }
    for (asked, answered) in [
        ("how do I close the day at the till", true),
        ("forgot day close yesterday TL-4410", true),
        ("cómo restablezco la contraseña de la consola", true),
        ("can I send a printer back", true),
        ("pay the subscription by bank transfer", false),
        ("TL-9917", false),
        ("washing machine spare parts", false),
        ("renovar el pasaporte", false),
        ("how are you today", false),
    ] {
        let asked = asked.replace(' ', "+");
        let found = desk.get(&format!("/v1/search?q={asked}")).await.body;
        assert_eq!(found["answered"], answered, "{found}");
        let is_shown = found["probability"].as_f64() >= found["threshold"].as_f64();
        assert_eq!(is_shown, answered, "{found}");
    }
    desk.finish().await;
}
