//! The models that travel inside the binary: trained heads, and the encoder's manifest (its weights are pulled).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One file of a model.
type ShippedFile = (&'static str, &'static [u8]);

macro_rules! model_file {
    ($model:literal, $file:literal) => {
        (
            $file,
            include_bytes!(concat!("../../models/", $model, "/", $file)).as_slice(),
        )
    };
}

/// Name and files of every model that ships.
const SHIPPED: &[(&str, &[ShippedFile])] = &[
    ("all-MiniLM-L6-v2", &[model_file!("all-MiniLM-L6-v2", "manifest.toml")]),
    ("answerability", &[model_file!("answerability", "manifest.toml")]),
    ("duplicates", &[model_file!("duplicates", "manifest.toml")]),
    ("search-fusion", &[model_file!("search-fusion", "manifest.toml")]),
    (
        "triage-category",
        &[
            model_file!("triage-category", "manifest.toml"),
            model_file!("triage-category", "head.safetensors"),
        ],
    ),
    (
        "triage-priority",
        &[
            model_file!("triage-priority", "manifest.toml"),
            model_file!("triage-priority", "head.safetensors"),
        ],
    ),
];

/// Where a model is: a path as given, a folder below `models_dir`, or what ships, unpacked below the data folder.
///
/// **Errors:** the unpacked files cannot be written.
pub fn folder(name: &str, models_dir: &Path, data_dir: &Path) -> io::Result<PathBuf> {
    let given = Path::new(name);
    if given.components().count() > 1 {
        return Ok(given.to_owned());
    }
    let own = models_dir.join(name);
    match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        Some((_, files)) if !own.join("manifest.toml").is_file() => unpack(&data_dir.join("models").join(name), files),
        _ => Ok(own),
    }
}

/// Writes the files that differ, so that a newer binary brings its newer heads.
fn unpack(folder: &Path, files: &[ShippedFile]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        let path = folder.join(name);
        if fs::read(&path).ok().as_deref() != Some(bytes) {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            io::Write::write_all(&mut file, bytes)?;
            file.persist(&path).map_err(|error| error.error)?;
        }
    }
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_ships_is_unpacked_where_there_is_none() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (models, data) = (place.path().join("models"), place.path().join("data"));
        let unpacked = folder("triage-category", &models, &data).expect("room");
        assert_eq!(unpacked, data.join("models/triage-category"));
        assert!(unpacked.join("head.safetensors").is_file());
        fs::create_dir_all(models.join("triage-category")).expect("a folder");
        fs::write(models.join("triage-category/manifest.toml"), "").expect("a file");
        assert_eq!(
            folder("triage-category", &models, &data).expect("found"),
            models.join("triage-category")
        );
    }

    #[test]
    fn paths_are_taken_as_given() {
        let given = folder("./mine/head", Path::new("models"), Path::new("data")).expect("a path");
        assert_eq!(given, Path::new("./mine/head"));
    }
}
