//! The data folder: held by one process, one sub-folder for each collection.
//!
//! ```text
//! <data folder>/.lock                          held for as long as the process has the folder open
//! <data folder>/<collection>/collection.json   what it is and which generation is in use; replaced atomically
//! <data folder>/<collection>/<generation>/     one Qdrant Edge shard
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{CollectionSpec, Error};

const LOCK: &str = ".lock";
const DESCRIPTION: &str = "collection.json";

/// What is known of a collection on disk. **Persisted** as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Description {
    pub spec: CollectionSpec,
    pub generation: Uuid,
    /// How its points were made; 0 before this was written down.
    #[serde(default)]
    pub layout: u32,
    /// How many points it had when its graph was built.
    #[serde(default)]
    pub graph: usize,
}

/// How points are made now: which vectors they have and how words become forms. **Persisted**; one more with every
/// change, after which older collections begin anew.
pub(super) const LAYOUT: u32 = 3;

/// A data folder that nobody else has open.
#[derive(Debug)]
pub(super) struct DataFolder {
    root: PathBuf,
    free_bytes_min: u64,
    /// Closing the file gives the folder free, also when the process is killed.
    _lock: File,
}

impl DataFolder {
    /// **Errors** when another process holds the folder or it cannot be written.
    pub(super) fn open(root: &Path, free_bytes_min: u64) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(|source| cannot_write(root, source))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join(LOCK))
            .map_err(|source| cannot_write(root, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::FolderInUse { folder: root.into() }),
            Err(TryLockError::Error(source)) => return Err(cannot_write(root, source)),
        }
        Ok(Self {
            root: root.to_owned(),
            free_bytes_min,
            _lock: lock,
        })
    }

    /// **Errors** when so little room is left that a write through a memory map could end the process.
    pub(super) fn check_room(&self) -> Result<(), Error> {
        let free_bytes = match fs4::available_space(&self.root) {
            // A folder that was deleted under the process is made anew; its collections then say that they are gone.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&self.root).map_err(|source| cannot_write(&self.root, source))?;
                fs4::available_space(&self.root)
            }
            measured => measured,
        };
        let free_bytes = free_bytes.map_err(at("measure the free space of", &self.root))?;
        if free_bytes < self.free_bytes_min {
            return Err(Error::DiskFull {
                folder: self.root.clone(),
                free_bytes,
                needed_bytes: self.free_bytes_min,
            });
        }
        Ok(())
    }

    pub(super) fn collection(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// Where a generation of the collection in `folder` lies.
pub(super) fn generation(folder: &Path, generation: Uuid) -> PathBuf {
    folder.join(generation.simple().to_string())
}

/// A new and empty folder for a generation.
pub(super) fn make_generation(folder: &Path) -> Result<(Uuid, PathBuf), Error> {
    let id = Uuid::new_v4();
    let path = generation(folder, id);
    fs::create_dir_all(&path).map_err(|source| cannot_write(&path, source))?;
    Ok((id, path))
}

/// Removes a folder with all that is in it; nothing happens where there is none.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(at("remove", path)(source)),
        _ => Ok(()),
    }
}

/// Whether the collection in `folder` is still described, which it is until somebody deletes its files.
pub(super) fn is_described(folder: &Path) -> bool {
    folder.join(DESCRIPTION).is_file()
}

/// The description of the collection in `folder`, if there is one.
pub(super) fn read_description(folder: &Path) -> Result<Option<Description>, Error> {
    let path = folder.join(DESCRIPTION);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(at("read", &path)(source)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| Error::Description { path, source })
}

/// Replaces the description; after a crash either the old one or the new one is there, whole.
pub(super) fn write_description(folder: &Path, description: &Description) -> Result<(), Error> {
    let path = folder.join(DESCRIPTION);
    let partial = folder.join("collection.json.partial");
    let text = serde_json::to_vec_pretty(description).map_err(|source| Error::Description {
        path: path.clone(),
        source,
    })?;
    let written = write_durably(&partial, &text).and_then(|()| fs::rename(&partial, &path));
    written
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(at("write", &path))
}

fn write_durably(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Removes what a crash left behind: every generation but the one in use.
pub(super) fn remove_leftovers(folder: &Path, keep: Uuid) -> Result<(), Error> {
    let keep = generation(folder, keep);
    for entry in fs::read_dir(folder).map_err(at("read", folder))? {
        let path = entry.map_err(at("read", folder))?.path();
        if path.is_dir() && path != keep {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Copies a generation and its description so that `target` is a data folder of its own.
pub(super) fn copy(source: &Path, description: &Description, target: &Path) -> Result<(), Error> {
    let folder = target.join(&description.spec.name);
    let (from, to) = (
        generation(source, description.generation),
        generation(&folder, description.generation),
    );
    copy_tree(&from, &to).map_err(at("copy", &from))?;
    write_description(&folder, description)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn cannot_write(folder: &Path, source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::FolderReadOnly {
            folder: folder.to_owned(),
            source,
        },
        _ => at("make", folder)(source),
    }
}

fn at(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Folder { act, path, source }
}
