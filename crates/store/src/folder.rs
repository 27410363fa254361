//! The data folder of one server: made when missing, locked while in use.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::StoreError;

/// Name of the lock file within the folder.
const LOCK_FILE: &str = "desk.lock";
/// Name of the SQLite database within the folder.
const DATABASE_FILE: &str = "desk.db";

/// A data folder held by this process; let go when dropped, even by SIGKILL.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// The folder, made when missing and held for this process alone.
    ///
    /// **Errors:** `FolderInUse` when another process holds it, `FolderNotWritable`.
    pub fn lock(path: &Path) -> Result<Self, StoreError> {
        let not_writable = |source| StoreError::FolderNotWritable {
            path: path.to_owned(),
            source: Arc::new(source),
        };
        std::fs::create_dir_all(path).map_err(not_writable)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, &mut lock)),
            Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        write_holder(&mut lock).map_err(not_writable)?;
        Ok(DataFolder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// URL of the SQLite database in a data folder, locked or not.
    pub fn database_url(path: &Path) -> String {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let file = path.join(DATABASE_FILE);
        format!("sqlite://{}", percent_encoded(&file.to_string_lossy()))
    }
}

fn in_use(path: &Path, lock: &mut File) -> StoreError {
    let mut holder = String::new();
    // Best effort: the message is as good without the number.
    if lock.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
        holder = "process unknown".to_owned();
    }
    StoreError::FolderInUse {
        path: path.to_owned(),
        holder: holder.trim().to_owned(),
    }
}

fn write_holder(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    writeln!(lock, "process {}", std::process::id())
}

fn percent_encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let path = parent.path().join("data");
        let held = DataFolder::lock(&path).expect("free");
        match DataFolder::lock(&path) {
            Err(StoreError::FolderInUse { holder, .. }) => {
                assert_eq!(holder, format!("process {}", std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        DataFolder::lock(&path).expect("free again");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let file = parent.path().join("file");
        std::fs::write(&file, "").expect("a file");
        let error = DataFolder::lock(&file.join("data")).expect_err("below a file");
        assert!(matches!(error, StoreError::FolderNotWritable { .. }), "{error:?}");
    }

    #[test]
    fn unusual_paths_survive_the_url() {
        assert_eq!(percent_encoded("/a b/ñ?#%/x.db"), "/a%20b/%C3%B1%3F%23%25/x.db");
    }
}
