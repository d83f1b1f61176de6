//! A load generator for loopback: keeps connections busy and says how long answers took.
//!
//! ```text
//! cargo run --release -p deepviz-server --example load -- 127.0.0.1:7878 --connections 32 --seconds 10 \
//!     "/api/runs/my-run/checkpoints/{0-40}/layers/conv1"
//! ```
//!
//! `{0-40}` stands for each of these numbers; connections go through all addresses again and again, each beginning
//! with another one. `--token` sends a token.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What to ask, of whom, for how long.
struct Plan {
    address: String,
    connections: usize,
    seconds: u64,
    requests: Vec<Vec<u8>>,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    bytes: usize,
    refused: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let plan = plan()?;
    let started = Instant::now();
    let end = started + Duration::from_secs(plan.seconds);
    let mut all = Seen::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..plan.connections)
            .map(|number| {
                let plan = &plan;
                scope.spawn(move || client(plan, number, end).map_err(|error| error.to_string()))
            })
            .collect();
        for client in clients {
            let seen = client.join().map_err(|_| "a client broke down")??;
            all.times.extend(seen.times);
            all.bytes += seen.bytes;
            all.refused += seen.refused;
        }
        Ok::<(), String>(())
    })?;
    let elapsed = started.elapsed().as_secs_f64();
    all.times.sort_unstable();
    let at = |share: f64| {
        let rank = (all.times.len().saturating_sub(1) as f64 * share) as usize;
        all.times.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{} answers, {:.0} /s, {:.1} MB/s; ms: p50 {:.2}, p90 {:.2}, p99 {:.2}, most {:.2}; not 200: {}",
        all.times.len(),
        all.times.len() as f64 / elapsed,
        all.bytes as f64 / elapsed / 1e6,
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        all.refused
    );
    Ok(())
}

fn plan() -> Result<Plan, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let address = words.next().ok_or("expected an address such as 127.0.0.1:7878")?;
    let mut plan = Plan { address, connections: 16, seconds: 5, requests: Vec::new() };
    let (mut paths, mut token) = (Vec::new(), String::new());
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--connections" => plan.connections = value()?.parse()?,
            "--seconds" => plan.seconds = value()?.parse()?,
            "--token" => token = format!("authorization: Bearer {}\r\n", value()?),
            _ => paths.extend(expanded(&word)),
        }
    }
    let request = |path: String| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{token}\r\n").into_bytes();
    plan.requests = paths.into_iter().map(request).collect();
    if plan.requests.is_empty() { Err("expected at least one path".into()) } else { Ok(plan) }
}

/// The first `{from-to}` as each of its numbers, then the next.
fn expanded(path: &str) -> Vec<String> {
    let range = || {
        let (before, rest) = path.split_once('{')?;
        let (range, after) = rest.split_once('}')?;
        let (from, to) = range.split_once('-')?;
        let numbers = from.parse::<usize>().ok()?..=to.parse().ok()?;
        Some(numbers.flat_map(|number| expanded(&format!("{before}{number}{after}"))).collect())
    };
    range().unwrap_or_else(|| vec![path.to_owned()])
}

fn client(plan: &Plan, number: usize, end: Instant) -> Result<Seen, Box<dyn Error>> {
    let mut stream = TcpStream::connect(&plan.address)?;
    stream.set_nodelay(true)?;
    let mut seen = Seen::default();
    let mut buffer = vec![0; 1 << 16];
    let mut next = number * plan.requests.len() / plan.connections;
    while Instant::now() < end {
        let started = Instant::now();
        stream.write_all(&plan.requests[next % plan.requests.len()])?;
        next += 1;
        let mut answer: Vec<u8> = Vec::new();
        let length = loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            answer.extend_from_slice(&buffer[..read]);
            if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                break end + 4 + length.ok_or("an answer without a length")?.trim().parse::<usize>()?;
            }
        };
        if !answer.starts_with(b"HTTP/1.1 200") {
            seen.refused += 1;
        }
        let mut left = length.saturating_sub(answer.len());
        while left > 0 {
            let read = stream.read(&mut buffer)?;
            left = left.checked_sub(read).filter(|_| read > 0).ok_or("an answer of another length than it said")?;
        }
        seen.bytes += length;
        seen.times.push(started.elapsed());
    }
    Ok(seen)
}
