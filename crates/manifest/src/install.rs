//! A model folder that was filled beside its place, moved there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::model::MANIFEST_FILE;

/// Moves a model folder to where it is meant to be: as a whole where nothing lies there, else file by file, the manifest
/// last.
///
/// There is no moment without a folder, and what else lies in it, such as versions of a head in folders of their own,
/// stays. Whoever opens the model in between is told of a wrong sum. The data reach the disk before the names do, so that
/// a power cut leaves no empty file either. Both folders must lie on one disk.
///
/// **Errors**: the system's; `from` may be left in part then.
pub fn install(from: &Path, to: &Path) -> io::Result<()> {
    let files = files_in(from)?;
    files
        .iter()
        .try_for_each(|file| File::open(from.join(file))?.sync_all())?;
    if !to.exists() {
        fs::rename(from, to)?;
        return to.parent().map_or(Ok(()), sync_folder);
    }
    let (manifest, others): (Vec<&PathBuf>, Vec<&PathBuf>) = files
        .iter()
        .partition(|file| file.as_path() == Path::new(MANIFEST_FILE));
    for file in others.into_iter().chain(manifest) {
        let target = to.join(file);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
            sync_folder(parent)?;
        }
        fs::rename(from.join(file), target)?;
    }
    sync_folder(to)?;
    fs::remove_dir_all(from)
}

/// Paths of all files below a folder, relative to it.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if entry.file_type()?.is_dir() {
            files.extend(files_in(&entry.path())?.into_iter().map(|file| name.join(file)));
        } else {
            files.push(name);
        }
    }
    Ok(files)
}

/// The names in a folder reach the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    // Elsewhere a folder cannot be opened as a file.
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(folder: &Path, files: &[(&str, &str)]) {
        for (name, content) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn known_files_are_replaced_and_others_stay() {
        let place = tempfile::tempdir().unwrap();
        let (new, old) = (place.path().join("new"), place.path().join("old"));
        fill(&new, &[("manifest.toml", "2"), ("a/weights", "2")]);
        fill(
            &old,
            &[("manifest.toml", "1"), ("a/weights", "1"), ("7/weights", "version")],
        );
        install(&new, &old).unwrap();
        assert_eq!(read(&old.join("manifest.toml")), "2");
        assert_eq!(read(&old.join("a/weights")), "2");
        assert_eq!(read(&old.join("7/weights")), "version");
        assert!(!new.exists(), "nothing is left beside it");
    }

    #[test]
    fn where_nothing_lies_the_folder_moves() {
        let place = tempfile::tempdir().unwrap();
        let (new, to) = (place.path().join("new"), place.path().join("to"));
        fill(&new, &[("manifest.toml", "2")]);
        install(&new, &to).unwrap();
        assert!(!new.exists());
        assert_eq!(read(&to.join("manifest.toml")), "2");
    }

    #[test]
    fn the_manifest_is_the_last_to_come() {
        let place = tempfile::tempdir().unwrap();
        let (new, old) = (place.path().join("new"), place.path().join("old"));
        fill(&new, &[("manifest.toml", "2"), ("weights", "2"), ("z", "2")]);
        fill(&old, &[("manifest.toml", "1"), ("z/in the way", "")]);
        assert!(install(&new, &old).is_err(), "a folder is where a file should go");
        assert_eq!(read(&old.join("manifest.toml")), "1");
    }
}
