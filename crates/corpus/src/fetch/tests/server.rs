//! A server on the loopback address that behaves as badly as it is told to.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// How the server behaves on one connection.
#[derive(Clone, Copy)]
pub(super) enum Manner {
    Whole,
    /// Announces everything, sends so many bytes of it, and hangs up.
    HangUpAfter(usize),
    /// Knows no ranges.
    NoRange,
    NotFound,
}

/// Serves `body`, one connection for each manner; returns the address and, when it ends, the ranges asked for.
pub(super) fn serve(body: &[u8], manners: Vec<Manner>) -> (String, thread::JoinHandle<Vec<Option<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/copy.tar.gz", listener.local_addr().unwrap());
    let body = body.to_vec();
    let server = thread::spawn(move || {
        manners.into_iter().map(|manner| answer(&listener.accept().unwrap().0, &body, manner)).collect()
    });
    (url, server)
}

fn answer(stream: &TcpStream, body: &[u8], manner: Manner) -> Option<usize> {
    let lines: Vec<String> =
        BufReader::new(stream).lines().map(|line| line.unwrap()).take_while(|line| !line.is_empty()).collect();
    let range = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let start = value.trim().strip_prefix("bytes=")?.strip_suffix('-')?;
        name.eq_ignore_ascii_case("range").then(|| start.parse().unwrap())
    });
    assert!(lines.iter().any(|line| line.eq_ignore_ascii_case("accept-encoding: identity")), "{lines:?}");
    let mut out = stream;
    let start = range.filter(|_| !matches!(manner, Manner::NoRange)).unwrap_or(0);
    let rest = &body[start..];
    let status = match (manner, start) {
        (Manner::NotFound, _) => "404 Not Found".to_owned(),
        (_, 0) => "200 OK".to_owned(),
        _ => format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{}", body.len() - 1, body.len()),
    };
    write!(out, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len()).unwrap();
    let sent = match manner {
        Manner::HangUpAfter(count) => &rest[..count],
        Manner::NotFound => &[],
        Manner::Whole | Manner::NoRange => rest,
    };
    out.write_all(sent).unwrap();
    range
}
