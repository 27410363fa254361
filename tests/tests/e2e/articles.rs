//! Articles: written, changed, compared, restored, put away, imported.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk_under_test::{DeskUnderTest, answer, deskwise, said, weights};

/// Writes an article and gives its path back.
pub async fn write(desk: &DeskUnderTest, article: Value) -> String {
    let created = desk.post("/v1/articles", article).await;
    assert_eq!(created.status, 201, "{created:?}");
    format!("/v1/articles/{}", created.body["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn an_article_is_written_changed_compared_and_restored() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let article = json!({"title": "Close the day", "body": "## Steps\n\n1. Count\n2. Lock", "visibility": "public",
        "tags": ["till"], "author": "Selma", "review_date": "2027-11-01", "external_id": "close"});
    let path = write(&desk, article.clone()).await;
    let read = desk.get(&path).await;
    assert_eq!(
        read.body["html"],
        "<h2>Steps</h2>\n<ol>\n<li>Count</li>\n<li>Lock</li>\n</ol>\n"
    );
    assert_eq!(
        (&read.body["language"], &read.body["review_date"]),
        (&json!("en"), &json!("2027-11-01"))
    );
    assert_eq!(read.headers["etag"], "\"1\"");
    desk.post("/v1/articles", article)
        .await
        .is_problem(409, &[("external_id", "taken")]);

    let changed = desk
        .patch(
            &path,
            1,
            json!({"body": "## Steps\n\n1. Count twice\n2. Lock", "author": null}),
        )
        .await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["author"]),
        (200, &json!(null)),
        "{changed:?}"
    );
    desk.patch(&path, 1, json!({"title": "Late"}))
        .await
        .is_problem(412, &[("If-Match", "stale")]);
    let unconditional = desk
        .request(&desk.tokens.agent, Method::PATCH, &path)
        .json(&json!({"title": "x"}));
    answer(unconditional).await.is_problem(428, &[("If-Match", "missing")]);
    let diff = desk.get(&format!("{path}/diff?from=1&to=2")).await;
    let lines: Vec<_> = diff.body["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .filter(|line| line["change"] != "same")
        .map(|line| (line["change"].as_str(), line["text"].as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (Some("removed"), Some("1. Count")),
            (Some("added"), Some("1. Count twice"))
        ]
    );

    let restore = desk.request(&desk.tokens.agent, Method::POST, &format!("{path}/versions/1/restore"));
    let restored = answer(restore.header("If-Match", "\"2\"")).await;
    assert_eq!(
        (&restored.body["version"], &restored.body["author"]),
        (&json!(3), &json!("Selma")),
        "{restored:?}"
    );
    assert_eq!(restored.body["body"], read.body["body"]);
    let versions = desk.get(&format!("{path}/versions")).await;
    assert_eq!(versions.body["items"].as_array().map(Vec::len), Some(3), "{versions:?}");
    desk.get(&format!("{path}/diff?from=9")).await.is_problem(404, &[]);
    desk.get(&format!("{path}/diff"))
        .await
        .is_problem(422, &[("from", "missing")]);
    desk.get("/v1/articles/00000000-0000-7000-8000-000000000000/versions")
        .await
        .is_problem(404, &[]);
    desk.finish().await;
}

#[tokio::test]
async fn what_cannot_be_an_article_is_named() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let check = async |article: Value, faults: &[(&str, &str)]| {
        desk.post("/v1/articles", article).await.is_problem(422, faults);
    };
    check(json!({"title": "t", "body": ""}), &[("body", "empty")]).await;
    check(
        json!({"title": "t", "body": "<!-- nothing -->\n\n---"}),
        &[("body", "empty")],
    )
    .await;
    check(
        json!({"title": " ", "body": "b", "tags": ["a", "a"]}),
        &[("title", "empty"), ("tags[1]", "malformed")],
    )
    .await;
    check(
        json!({"title": "t", "body": "b", "visibility": "secret"}),
        &[("visibility", "unknown")],
    )
    .await;
    check(
        json!({"title": "t", "body": "b", "review_date": "soon"}),
        &[("review_date", "malformed")],
    )
    .await;
    check(
        json!({"title": "t", "body": "b", "colour": 1}),
        &[("colour", "unknown_field")],
    )
    .await;
    desk.finish().await;
}

#[tokio::test]
async fn a_script_never_comes_out() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let body = "Hello <script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1)) **bold**";
    let path = write(
        &desk,
        json!({"title": "<script>", "body": body, "visibility": "public"}),
    )
    .await;
    let html = desk.get(&path).await.body["html"].as_str().expect("HTML").to_owned();
    for bad in ["<script", "onerror", "javascript:"] {
        assert!(!html.contains(bad), "{html}");
    }
    assert!(html.contains("<strong>bold</strong>"), "{html}");
    desk.finish().await;
}

#[tokio::test]
async fn a_customer_reads_public_articles_alone() {
    let desk = DeskUnderTest::start_empty(&[]).await;
    let mut paths = Vec::new();
    for visibility in ["public", "internal", "draft"] {
        paths.push(
            write(
                &desk,
                json!({"title": visibility, "body": "Text", "visibility": visibility}),
            )
            .await,
        );
    }
    let as_customer = async |path: &str| answer(desk.request(&desk.tokens.customer, Method::GET, path)).await;
    assert_eq!(as_customer(&paths[0]).await.status, 200);
    as_customer(&paths[1]).await.is_problem(404, &[]);
    as_customer(&paths[2]).await.is_problem(404, &[]);
    let listed = as_customer("/v1/articles").await;
    let titles: Vec<_> = listed.body["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|a| a["title"].as_str())
        .collect();
    assert_eq!(titles, [Some("public")]);
    as_customer("/v1/articles?visibility=internal")
        .await
        .is_problem(422, &[("visibility", "forbidden")]);
    as_customer(&format!("{}/versions", paths[0]))
        .await
        .is_problem(403, &[]);
    as_customer("/v1/tickets").await.is_problem(403, &[]);
    let write = desk.request(&desk.tokens.customer, Method::POST, "/v1/articles");
    answer(write.json(&json!({"title": "t", "body": "b"})))
        .await
        .is_problem(403, &[]);
    desk.patch(&paths[0], 1, json!({"archived": true})).await;
    as_customer(&paths[0]).await.is_problem(404, &[]);
    assert_eq!(desk.get(&paths[0]).await.body["archived"], true);
    desk.finish().await;
}

#[test]
fn a_folder_is_imported_once_and_what_is_wrong_is_written_down() {
    weights();
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folder = scratch.path().join("articles");
    fs::create_dir_all(folder.join("deep")).expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
    write(
        "a.md",
        "---\nexternal_id: a\ntitle: Alpha\nvisibility: public\n---\nHow to start.",
    );
    write("deep/b.html", "<h1>Beta</h1><p>Text</p><script>alert(1)</script>");
    write(
        "c.jsonl",
        "{\"external_id\": \"c\", \"title\": \"C\", \"body\": \"Text\"}\nnot json\n{\"external_id\": \"a\", \"title\": \"Again\", \"body\": \"Twice\"}\n",
    );
    write("empty.md", "---\ntitle: Nothing\n---\n");
    write("notes.txt", "no article");
    let data = scratch.path().join("data");
    let import = || said(deskwise(&data).args(["import", "articles"]).arg(&folder));
    let first = import();
    assert!(
        first.starts_with("3 created, 0 changed, 0 the same, 3 rejected"),
        "{first}"
    );
    let again = import();
    assert!(
        again.starts_with("0 created, 0 changed, 3 the same, 3 rejected"),
        "{again}"
    );
    fs::write(
        folder.join("a.md"),
        "---\nexternal_id: a\ntitle: Alpha\nvisibility: public\n---\nHow to begin.",
    )
    .expect("a file");
    let changed = import();
    assert!(
        changed.starts_with("0 created, 1 changed, 2 the same, 3 rejected"),
        "{changed}"
    );
    let rejected = fs::read_to_string(scratch.path().join("articles.rejected.jsonl")).expect("rejected entries");
    let rejected: Vec<Value> = rejected
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let reasons: Vec<_> = rejected
        .iter()
        .map(|r| (r["row"].as_str(), r["line"].as_u64(), r["reasons"][0]["field"].as_str()))
        .collect();
    let expect = [
        ("c.jsonl", 2, "(row)"),
        ("c.jsonl", 3, "external_id"),
        ("empty.md", 1, "body"),
    ];
    assert_eq!(
        reasons,
        expect.map(|(file, line, field)| (Some(file), Some(line), Some(field)))
    );
    // Named from within, the folder is the same one: what was rejected is beside it and not read.
    for _ in 0..2 {
        let mut import = deskwise(&data);
        let within = said(import.args(["import", "articles", "."]).current_dir(&folder));
        assert!(
            within.starts_with("0 created, 0 changed, 3 the same, 3 rejected"),
            "{within}"
        );
    }
    assert!(!folder.join("..rejected.jsonl").exists());
    let indexed = said(deskwise(&data).arg("reindex"));
    assert!(indexed.contains("3 passages of articles"), "{indexed}");
}

/// What several imports of the same articles at once said, each as created, changed and the same.
fn imported_at_once(data: &Path, folders: &[PathBuf]) -> Vec<String> {
    let imports: Vec<_> = folders
        .iter()
        .map(|folder| {
            let mut import = deskwise(data);
            import.args(["import", "articles"]).arg(folder);
            std::thread::spawn(move || said(&mut import))
        })
        .collect();
    let said = imports.into_iter().map(|import| import.join().expect("an import"));
    said.collect()
}

#[tokio::test]
async fn two_imports_of_the_same_ids_at_once_keep_each_article_once() {
    const ARTICLES: usize = 60;
    let desk = DeskUnderTest::start_empty(&[]).await;
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let folders: Vec<PathBuf> = ["one", "two"].map(|name| scratch.path().join(name)).into();
    for folder in &folders {
        fs::create_dir(folder).expect("a folder");
        let words = folder.file_name().and_then(|name| name.to_str()).expect("a name");
        let lines = (0..ARTICLES).map(|at| {
            json!({"external_id": format!("page-{at}"), "title": format!("Page {at}"), "body": format!("Text {words}"),
                "visibility": "public"})
            .to_string()
        });
        fs::write(folder.join("pages.jsonl"), lines.collect::<Vec<_>>().join("\n")).expect("a file");
    }
    let data = desk.folder().to_owned();
    let said = tokio::task::spawn_blocking(move || imported_at_once(&data, &folders));
    for line in said.await.expect("two imports") {
        assert!(line.contains(" 0 rejected"), "{line}");
    }
    let listed = desk.get("/v1/articles?limit=200").await;
    let items = listed.body["items"].as_array().expect("items");
    assert_eq!(items.len(), ARTICLES);
    let versions: i64 = items.iter().filter_map(|article| article["version"].as_i64()).sum();
    assert_eq!(
        versions,
        2 * ARTICLES as i64,
        "what came second is a new version of what came first"
    );

    let same = json!({"external_id": "same", "title": "Same", "body": "Text"});
    let (one, other) = tokio::join!(
        desk.post("/v1/articles", same.clone()),
        desk.post("/v1/articles", same.clone())
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    desk.finish().await;
}
