//! What Qdrant Edge alone must do: hold its folder, survive a kill, notice when its files vanish.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod corpus;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use search::{CollectionSpec, Error, Fault, Filter, Rebuild, Search, SearchConfig};
use tempfile::TempDir;
use tokio::sync::Notify;

use corpus::{DIMENSIONS, point, points, query, rebuild};

const TICKETS: &str = "tickets";
/// Set in the process that [`what_was_upserted_survives_a_kill`] starts, to the folder it writes to.
const WRITE_UNTIL_KILLED: &str = "SEARCH_TEST_WRITE_UNTIL_KILLED";

fn spec() -> CollectionSpec {
    CollectionSpec::new(TICKETS, DIMENSIONS)
}

async fn open(folder: &Path) -> Result<Search, Error> {
    let search = Search::open(SearchConfig::edge(folder)).await?;
    search.ensure(&spec()).await?;
    Ok(search)
}

async fn count(search: &Search) -> usize {
    search.count(TICKETS, &Filter::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_refused_and_free_again_afterwards() {
    let folder = TempDir::new().unwrap();
    let first = open(folder.path()).await.unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(matches!(&error, Error::FolderInUse { folder: named } if named == folder.path()));
    assert_eq!(error.fault(), Fault::Dependency);
    drop(first);
    open(folder.path()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_upsert_at_once_is_all_on_disk_when_they_return() {
    let folder = TempDir::new().unwrap();
    let copy = TempDir::new().unwrap();
    let search = open(folder.path()).await.unwrap();
    let points = points(64);
    let writers = points
        .iter()
        .map(|point| search.upsert(TICKETS, std::slice::from_ref(point)));
    for written in futures::future::join_all(writers).await {
        written.unwrap();
    }
    // A copy of the files is what a crash would leave: nothing that is only in memory is in it.
    let status = Command::new("cp")
        .arg("-r")
        .arg(folder.path())
        .arg(copy.path())
        .status();
    assert!(status.unwrap().success());
    let left = copy.path().join(folder.path().file_name().unwrap());
    assert_eq!(count(&open(&left).await.unwrap()).await, points.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(folder.path().join("probe"), "").is_ok() {
        println!("skipped: this user may write to folders that are read-only");
        return;
    }
    let error = open(&folder.path().join("search")).await.unwrap_err();
    assert!(matches!(error, Error::FolderReadOnly { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_below_a_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let error = open(&file.join("search")).await.unwrap_err();
    assert!(matches!(error, Error::Folder { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_refused_before_it_is_written_to() {
    let folder = TempDir::new().unwrap();
    let mut config = SearchConfig::edge(folder.path());
    if let search::Backend::Edge(edge) = &mut config.backend {
        edge.free_bytes_min = u64::MAX;
    }
    let error = Search::open(config).await.unwrap().ensure(&spec()).await.unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Dependency);
}

#[tokio::test(flavor = "multi_thread")]
async fn points_rebuilds_and_dimensions_survive_a_restart() {
    let folder = TempDir::new().unwrap();
    let search = open(folder.path()).await.unwrap();
    search.upsert(TICKETS, &points(300)).await.unwrap();
    rebuild(&search, TICKETS, [points(250)]).await.unwrap();
    let wanted = search.nearest(TICKETS, &query("invoice charged", "en")).await.unwrap();
    drop(search);

    let search = open(folder.path()).await.unwrap();
    assert_eq!(count(&search).await, 250);
    let hits = search.nearest(TICKETS, &query("invoice charged", "en")).await.unwrap();
    assert_eq!(hits, wanted);
    search.upsert(TICKETS, &points(260)).await.unwrap();
    drop(search);

    let search = Search::open(SearchConfig::edge(folder.path())).await.unwrap();
    let error = search.ensure(&CollectionSpec::new(TICKETS, 3)).await.unwrap_err();
    assert!(matches!(error, Error::DimensionsDiffer { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Caller, "asking again changes nothing");
    search.ensure(&spec()).await.unwrap();
    assert_eq!(count(&search).await, 260);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_cut_off_leaves_no_files_behind() {
    let folder = TempDir::new().unwrap();
    let search = open(folder.path()).await.unwrap();
    search.upsert(TICKETS, &points(20)).await.unwrap();
    begin_and_leave(&search).await;
    drop(search);
    let search = open(folder.path()).await.unwrap();
    assert_eq!(count(&search).await, 20);
    assert_eq!(generations(folder.path()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rebuild_built_that_nobody_holds_is_removed_by_the_next_write() {
    let folder = TempDir::new().unwrap();
    let search = open(folder.path()).await.unwrap();
    search.upsert(TICKETS, &points(20)).await.unwrap();
    begin_and_leave(&search).await;
    assert_eq!(generations(folder.path()), 2);
    search.upsert(TICKETS, &points(21)).await.unwrap();
    assert_eq!(generations(folder.path()), 1);
}

/// Drops a rebuild in the middle.
async fn begin_and_leave(search: &Search) {
    let begun = Notify::new();
    let fill = async |rebuild: &Rebuild| {
        rebuild.add(&points(10)).await?;
        begun.notify_one();
        std::future::pending::<Result<(), Error>>().await
    };
    tokio::select! {
        _ = search.rebuild_with(TICKETS, fill) => panic!("it never ends"),
        () = begun.notified() => {}
    }
}

fn generations(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder.join(TICKETS)).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn much_written_gets_a_graph_while_others_write_and_delete() {
    /// Long enough that Edge builds a graph over 10,000 of them.
    fn long(mut point: search::Point) -> search::Point {
        point.vector = point.vector.repeat(6);
        point
    }
    let folder = TempDir::new().unwrap();
    let spec = CollectionSpec::new(TICKETS, 6 * DIMENSIONS);
    let open = async || {
        let search = Search::open(SearchConfig::edge(folder.path())).await?;
        search.ensure(&spec).await.map(|_| search)
    };
    let search = open().await.unwrap();
    let all: Vec<_> = points(10_200).into_iter().map(long).collect();
    for batch in all[..10_000].chunks(500) {
        search.upsert_unflushed(TICKETS, batch).await.unwrap();
    }
    for (new, old) in all[10_000..].iter().zip(&all) {
        search.upsert(TICKETS, std::slice::from_ref(new)).await.unwrap();
        search.delete(TICKETS, &[old.id]).await.unwrap();
    }
    let patience = Instant::now() + Duration::from_secs(600);
    while graph_points(folder.path()) < 10_000 {
        assert!(Instant::now() < patience, "no graph was built");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(count(&search).await, 10_000);
    let wanted = long(point(10_150, &all[10_150].text, "en"));
    let mut query = query(&wanted.text, "en");
    query.vector = Some(wanted.vector);
    let hits = search.nearest(TICKETS, &query).await.unwrap();
    assert_eq!(hits[0].id, wanted.id);

    drop(search);
    // The thread that built the graph may hold the folder a moment longer.
    let search = loop {
        match open().await {
            Err(Error::FolderInUse { .. }) if Instant::now() < patience => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            opened => break opened.unwrap(),
        }
    };
    assert_eq!(count(&search).await, 10_000);
    assert_eq!(search.nearest(TICKETS, &query).await.unwrap(), hits);
}

/// Over how many points the graph in use was built.
fn graph_points(folder: &Path) -> u64 {
    let text = std::fs::read(folder.join(TICKETS).join("collection.json")).unwrap();
    let description: serde_json::Value = serde_json::from_slice(&text).unwrap();
    description["graph"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_deleted_under_the_process_are_noticed_and_made_anew() {
    let folder = TempDir::new().unwrap();
    let search = open(folder.path()).await.unwrap();
    search.upsert(TICKETS, &points(20)).await.unwrap();
    std::fs::remove_dir_all(folder.path().join(TICKETS)).unwrap();

    let error = search.healthy().await.unwrap_err();
    assert!(matches!(error, Error::FolderGone { .. }), "{error:?}");
    let error = search.upsert(TICKETS, &points(1)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Dependency, "{error:?}");

    search.ensure(&spec()).await.unwrap();
    search.healthy().await.unwrap();
    assert_eq!(count(&search).await, 0);
    rebuild(&search, TICKETS, [points(20)]).await.unwrap();
    assert_eq!(count(&search).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_anew_yet_is_missed_until_it_is() {
    let folder = TempDir::new().unwrap();
    let search = open(folder.path()).await.unwrap();
    let place = folder.path().join(TICKETS);
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "in the way").unwrap();
    search.ensure(&spec()).await.unwrap_err();
    let error = search.healthy().await.unwrap_err();
    assert!(matches!(error, Error::FolderGone { .. }), "{error:?}");

    std::fs::remove_file(&place).unwrap();
    assert!(search.ensure(&spec()).await.unwrap(), "it is made anew");
    search.healthy().await.unwrap();
    assert!(!search.ensure(&spec()).await.unwrap(), "it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_upserted_survives_a_kill() {
    let folder = TempDir::new().unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writes_until_it_is_killed", "--nocapture"])
        .env(WRITE_UNTIL_KILLED, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let acknowledged = wait_for_batches(folder.path(), 12).await;
    writer.kill().unwrap();
    writer.wait().unwrap();

    let search = open(folder.path()).await.unwrap();
    assert!(count(&search).await >= acknowledged * 10);
    for point in &points(acknowledged as u128 * 10) {
        let hits = search.nearest(TICKETS, &query(&point.text, "en")).await.unwrap();
        let hit = hits.iter().find(|hit| hit.id == point.id).unwrap();
        assert_eq!(hit.payload, point.payload);
    }
    search.upsert(TICKETS, &points(2_000)).await.unwrap();
    assert_eq!(count(&search).await, 2_000);
}

/// Not a test of its own: the process that [`what_was_upserted_survives_a_kill`] starts and kills. It upserts ten
/// points at a time and leaves a file for each batch that was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(WRITE_UNTIL_KILLED) else {
        return;
    };
    let folder = Path::new(&folder);
    let search = open(folder).await.unwrap();
    for (i, batch) in points(2_000).chunks(10).enumerate() {
        search.upsert(TICKETS, batch).await.unwrap();
        std::fs::write(batch_file(folder, i + 1), "").unwrap();
    }
}

fn batch_file(folder: &Path, batch: usize) -> std::path::PathBuf {
    folder.join(format!("acknowledged.{batch}"))
}

/// The number of batches acknowledged once there are at least `wanted`.
async fn wait_for_batches(folder: &Path, wanted: usize) -> usize {
    let started = Instant::now();
    while !batch_file(folder, wanted).exists() {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "the writer does not write"
        );
        tokio::task::yield_now().await;
    }
    (wanted..)
        .take_while(|batch| batch_file(folder, *batch).exists())
        .last()
        .unwrap_or(wanted)
}
