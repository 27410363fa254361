//! A hub of one repository on this machine, enough for the client.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What the hub serves, by path.
type Files = HashMap<String, Vec<u8>>;

/// A running hub; its thread ends with the test.
pub struct Hub {
    /// Its address.
    pub endpoint: String,
    requests: Arc<AtomicUsize>,
}

impl Hub {
    /// Serves files under `/{repository}/resolve/{revision}/`.
    pub fn start(repository: &str, revision: &str, files: &[(&str, &[u8])]) -> Self {
        let at = |path: &str| format!("/{repository}/resolve/{revision}/{path}");
        let files: Files = files.iter().map(|(path, bytes)| (at(path), bytes.to_vec())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                serve(stream.unwrap(), &files);
            }
        });
        Self { endpoint, requests }
    }

    /// How often it was asked for anything.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, files: &Files) {
    let lines: Vec<String> = BufReader::new(&stream)
        .lines()
        .map(Result::unwrap)
        .take_while(|line| !line.is_empty())
        .collect();
    let path = lines[0].split(' ').nth(1).unwrap();
    let Some(bytes) = files.get(path) else {
        return stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
    };
    let range = lines
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let (from, to) = bounds(&range.unwrap(), bytes.len());
    let part = &bytes[from..to];
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: \"{}\"\r\nX-Repo-Commit: abc\r\nContent-Range: bytes {from}-{}/{}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        path.replace('/', "-"),
        to.saturating_sub(1),
        bytes.len(),
        part.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(part))
        .unwrap();
}

fn bounds(range: &str, length: usize) -> (usize, usize) {
    let (from, to) = range.split_once('-').unwrap();
    let to = to.parse().map_or(length, |last: usize| (last + 1).min(length));
    (from.parse().unwrap(), to)
}
