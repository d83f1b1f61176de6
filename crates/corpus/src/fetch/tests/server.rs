//! A server on the loopback address that behaves as badly as it is told to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// The server's behaviour on one connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Whole,
    /// Announces the whole length, sends this many bytes, and closes the connection.
    HangUpAfter(usize),
    /// Knows no ranges.
    NoRange,
    /// Does not say how much will come.
    NoLength,
    NotFound,
}

/// The requested path and first byte.
pub(super) type Asked = (String, Option<usize>);

/// Serves files by the last part of their path, one connection for each manner; returns the address of the folder and,
/// when it ends, what was requested.
pub(super) fn serve_files(files: &[(&str, &[u8])], manners: Vec<Manner>) -> (String, thread::JoinHandle<Vec<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    let server = thread::spawn(move || {
        manners.into_iter().map(|manner| answer(&listener.accept().unwrap().0, &files, manner)).collect()
    });
    (url, server)
}

/// Serves one file; returns its address and, when it ends, the ranges requested.
pub(super) fn serve(body: &[u8], manners: Vec<Manner>) -> (String, thread::JoinHandle<Vec<Option<usize>>>) {
    let (url, server) = serve_files(&[("copy.tar.gz", body)], manners);
    let ranges = thread::spawn(move || server.join().unwrap().into_iter().map(|(_, range)| range).collect());
    (format!("{url}/copy.tar.gz"), ranges)
}

fn answer(stream: &TcpStream, files: &BTreeMap<String, Vec<u8>>, manner: Manner) -> Asked {
    let lines: Vec<String> =
        BufReader::new(stream).lines().map(|line| line.unwrap()).take_while(|line| !line.is_empty()).collect();
    let range = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let start = value.trim().strip_prefix("bytes=")?.strip_suffix('-')?;
        name.eq_ignore_ascii_case("range").then(|| start.parse().unwrap())
    });
    assert!(lines.iter().any(|line| line.eq_ignore_ascii_case("accept-encoding: identity")), "{lines:?}");
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let body = files.get(path.rsplit('/').next().unwrap());
    let mut out = stream;
    let start = range.filter(|_| manner != Manner::NoRange).unwrap_or(0);
    let Some(body) = body.filter(|_| manner != Manner::NotFound) else {
        write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        return (path, range);
    };
    if start >= body.len() {
        let status = "416 Range Not Satisfiable";
        write!(out, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        return (path, range);
    }
    let rest = &body[start..];
    let status = match start {
        0 => "200 OK".to_owned(),
        _ => format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{}", body.len() - 1, body.len()),
    };
    let length = match manner {
        Manner::NoLength => String::new(),
        _ => format!("Content-Length: {}\r\n", rest.len()),
    };
    write!(out, "HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n").unwrap();
    let sent = match manner {
        Manner::HangUpAfter(count) => &rest[..count],
        _ => rest,
    };
    // A client that has seen enough may be gone.
    let _ = out.write_all(sent);
    (path, range)
}
