//! Lists the sample articles, so that the binary carries every file of their folder.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/articles");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "include_str!({:?}),", file.display().to_string());
    }
    list.push_str("]\n");
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("sample_articles.rs"), list)
}
