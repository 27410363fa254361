//! The files of a head, from one folder to another by way of the database.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use classifier::ClassifierError;
use manifest::{MANIFEST_FILE, ManifestError, Model};
use store::ModelFile;
use tempfile::TempDir;

use crate::heads::HeadError;

/// The head, in the folder that it is written to first.
const FOLDER: &str = "head";

/// The files of the head in a folder: its manifest and what that names, whose sums are right.
///
/// **Errors:** the folder is incomplete or altered.
pub fn read_head(folder: &Path) -> Result<Vec<ModelFile>, HeadError> {
    let unfit = |source| {
        let folder = folder.to_owned();
        HeadError::Open(ClassifierError::OpenFolder { folder, source })
    };
    let model = Model::open(folder).map_err(unfit)?;
    let paths = model.manifest.files.iter().map(|entry| entry.path.as_str());
    let read = |path: &str| {
        let place = model.path(path);
        let bytes = fs::read(&place).map_err(|source| unfit(ManifestError::ReadFile { path: place, source }))?;
        Ok(ModelFile {
            path: path.to_owned(),
            bytes,
        })
    };
    paths.chain([MANIFEST_FILE]).map(read).collect()
}

/// Whether a folder holds the head of this revision, whole and unaltered.
pub fn holds_head(folder: &Path, revision: &str) -> bool {
    Model::open(folder).is_ok_and(|model| model.manifest.revision == revision)
}

/// Writes the files of a head into a folder, all of them or nothing, in the place of whatever lay there.
///
/// **Errors:** the disk's, and a path that leaves the folder.
pub fn install_head(files: &[ModelFile], to: &Path) -> Result<(), HeadError> {
    IncomingHead::write(files, to)?.move_in()
}

/// A head whose files are on the disk beside their place, undisturbed by whoever else brings some there; gone when dropped.
pub struct IncomingHead {
    beside: TempDir,
    to: PathBuf,
}

impl IncomingHead {
    /// Writes the files.
    ///
    /// **Errors:** the disk's, and a path that leaves the folder.
    pub fn write(files: &[ModelFile], to: &Path) -> Result<Self, HeadError> {
        Ok(IncomingHead {
            beside: write_beside(files, to).map_err(cannot_install(to))?,
            to: to.to_owned(),
        })
    }

    /// Moves them in, in the place of whatever lies there.
    ///
    /// **Errors:** the disk's.
    pub fn move_in(self) -> Result<(), HeadError> {
        let IncomingHead { beside, to } = self;
        // Moved away, not removed: so there is a folder again at once, and what lay there goes with the one beside it.
        let moved = match fs::rename(&to, beside.path().join("before")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => manifest::install(&beside.path().join(FOLDER), &to),
        };
        moved.map_err(cannot_install(&to))
    }
}

fn cannot_install(to: &Path) -> impl FnOnce(io::Error) -> HeadError {
    let folder = to.to_owned();
    move |source| HeadError::Install { folder, source }
}

fn write_beside(files: &[ModelFile], to: &Path) -> io::Result<TempDir> {
    let around = to.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(around)?;
    let beside = tempfile::Builder::new().suffix(".incoming").tempdir_in(around)?;
    let folder = beside.path().join(FOLDER);
    for ModelFile { path, bytes } in files {
        let is_inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            let said = format!("{path} leaves the folder of the head");
            return Err(io::Error::new(io::ErrorKind::InvalidData, said));
        }
        let place = folder.join(path);
        fs::create_dir_all(place.parent().unwrap_or(&folder))?;
        let mut file = File::create(place)?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    Ok(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(place: &Path) -> PathBuf {
        let folder = place.join("head");
        fs::create_dir_all(folder.join("deep")).expect("a folder");
        fs::write(folder.join("deep/weights"), [0, 255]).expect("written");
        let sum = manifest::sha256_of(&folder.join("deep/weights")).expect("a sum");
        let manifest =
            format!("name = 'a'\nrevision = '7'\nkind = 'head'\n[[files]]\npath = 'deep/weights'\nsha256 = '{sum}'\n");
        fs::write(folder.join(MANIFEST_FILE), manifest).expect("written");
        fs::write(folder.join("notes"), "of somebody").expect("written");
        folder
    }

    #[test]
    fn a_head_is_the_same_where_its_files_are_brought_to() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let files = read_head(&head(place.path())).expect("sound");
        let to = place.path().join("models/category/2");
        assert!(!holds_head(&to, "7"), "nothing is there");
        fs::create_dir_all(&to).expect("a folder");
        fs::write(to.join("half"), "of a head").expect("written");
        install_head(&files, &to).expect("room");
        assert!(holds_head(&to, "7") && !holds_head(&to, "8"));
        assert_eq!(read_head(&to).expect("sound"), files);
        let left = fs::read_dir(to.parent().expect("a folder")).expect("readable").count();
        assert_eq!((left, to.join("half").exists()), (1, false), "nothing else is left");
        fs::write(to.join("deep/weights"), [1]).expect("written");
        assert!(!holds_head(&to, "7") && read_head(&to).is_err(), "altered");
    }

    #[test]
    fn no_file_is_written_outside_the_folder() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let to = place.path().join("2");
        for path in ["../outside", "/tmp/outside"] {
            let file = ModelFile {
                path: path.to_owned(),
                bytes: Vec::new(),
            };
            assert!(install_head(&[file], &to).is_err(), "{path}");
        }
        assert!(!to.exists() && !place.path().join("outside").exists());
    }
}
