//! A server of files on loopback, in place of where releases are published.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
};

/// Serves the files of a folder by their names, under whatever path, until the test ends.
pub struct Downloads(SocketAddr);

impl Downloads {
    pub fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                answer(&connection.unwrap(), &folder);
            }
        });
        Self(address)
    }

    /// The manifest with this server in place of the one that it names.
    pub fn serving(&self, manifest: &str, repository: &str) -> String {
        assert!(manifest.contains(&format!("uri: {repository}/")), "{manifest}");
        manifest.replace(&format!("uri: {repository}/"), &format!("uri: http://{}/", self.0))
    }
}

fn answer(mut connection: &TcpStream, folder: &Path) {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let file: PathBuf = folder.join(path.rsplit('/').next().unwrap_or_default());
    let (status, body) = match fs::read(file) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Who does not read the answer to its end has another reason to fail.
    drop(connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body)));
}
