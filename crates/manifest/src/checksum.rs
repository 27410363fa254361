//! Sums of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::ManifestError;
use crate::spec::FileEntry;

/// Refuses a file that is not the one the manifest names.
pub(crate) fn check(folder: &Path, file: &FileEntry) -> Result<(), ManifestError> {
    let path = folder.join(&file.path);
    let found = match sha256(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ManifestError::MissingFile { path }),
        Err(source) => return Err(ManifestError::File { act: "read", path, source }),
    };
    if found == file.sha256 {
        return Ok(());
    }
    Err(ManifestError::WrongSum { file: file.path.clone(), expected: file.sha256.clone(), found })
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => sum.update(&buffer[..read]),
        }
    }
    Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
