//! A server that takes uploads, and archives for it.

use std::io::Write as _;
use std::path::Path;

use axum::body::Body;

use super::fixture::{TestResponse, TestServer, get};

pub(super) const TOKEN: &str = "open-sesame";

pub(super) struct Store {
    pub(super) server: TestServer,
    pub(super) folder: tempfile::TempDir,
}

impl Store {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { server: TestServer::taking_uploads(folder.path(), TOKEN), folder }
    }

    /// As a server that starts again finds it.
    pub(super) fn restarted(self) -> Self {
        let Self { server, folder } = self;
        drop(server);
        Self { server: TestServer::taking_uploads(folder.path(), TOKEN), folder }
    }

    pub(super) async fn put(&self, path: &str, body: Vec<u8>) -> TestResponse {
        let request = get(path).method("PUT").header("authorization", format!("Bearer {TOKEN}"));
        self.server.send(request.body(Body::from(body)).unwrap()).await
    }

    /// As `curl -X PUT -F` sends files.
    pub(super) async fn put_form(&self, path: &str, parts: &[(&str, &[u8])]) -> TestResponse {
        let mut body = Vec::new();
        for (head, bytes) in parts {
            body.extend(format!("--x-1\r\ncontent-disposition: form-data; {head}\r\n\r\n").into_bytes());
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--x-1--\r\n");
        let request = get(path).method("PUT").header("authorization", format!("Bearer {TOKEN}"));
        let request = request.header("content-type", "multipart/form-data; boundary=x-1");
        self.server.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> TestResponse {
        let request = get(path).header("authorization", format!("Bearer {TOKEN}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    /// The files of uploads in flight, or left of them.
    pub(super) fn staging(&self) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(self.folder.path().join(".uploads")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    pub(super) async fn delete(&self, path: &str) -> TestResponse {
        let request = get(path).method("DELETE").header("authorization", format!("Bearer {TOKEN}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    /// What is in the folder, hidden or not.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        // Always there, and nothing of what it holds is served.
        names.retain(|name| name != ".uploads");
        assert_eq!(self.staging(), ["lock"]);
        names
    }
}

pub(super) fn tar_of(folder: &Path, inside: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    builder.append_dir_all(inside, folder).unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

pub(super) fn zip_of(folder: &Path, inside: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = Path::new(inside).join(path.strip_prefix(folder).unwrap());
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(name.to_str().unwrap(), options).unwrap();
            writer.write_all(&std::fs::read(&path).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

pub(super) fn plain_tar_of(folder: &Path) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all(".", folder).unwrap();
    builder.into_inner().unwrap()
}
