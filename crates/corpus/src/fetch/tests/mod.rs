mod addresses;
mod kinds;
mod pack;
mod server;

use std::{fs, path::Path};

use super::*;
use crate::{Corpus, Split};
use pack::{Packed, file, noise, sha256, tgz};
use server::{Manner, serve};

const FOLDER: &str = "cifar-10-batches-bin";
/// Two records in each batch.
const BATCH_BYTES: usize = 2 * 3_073;

fn batch(label: u8) -> Vec<u8> {
    let mut bytes = noise(u32::from(label), BATCH_BYTES);
    (bytes[0], bytes[3_073]) = (label, label);
    bytes
}

fn good_files() -> Vec<Packed> {
    vec![
        file("cifar-10-batches-bin/batches.meta.txt", b"cat\ndog\n\n".to_vec()),
        file("cifar-10-batches-bin/data_batch_1.bin", batch(0)),
        file("cifar-10-batches-bin/readme.html", b"stays packed".to_vec()),
        file("cifar-10-batches-bin/test_batch.bin", batch(1)),
    ]
}

/// A description in the manner of CIFAR-10's, of an archive that is smaller.
fn small_cifar10(bytes: &[u8]) -> Description {
    let text = format!(
        r#"
name = "cifar10"
title = "CIFAR-10"
layout = "cifar10-binary"
folder = "{FOLDER}"
licence = "none"
class_count = 2
[[contents]]
path = "batches.meta.txt"
bytes_max = 1_000
[[contents]]
path = "data_batch_1.bin"
bytes = {BATCH_BYTES}
[[contents]]
path = "test_batch.bin"
bytes = {BATCH_BYTES}
[[file]]
addresses = ["http://localhost/cifar-10-binary.tar.gz"]
bytes = {}
sha256 = "{}"
strip = "{FOLDER}"
"#,
        bytes.len(),
        sha256(bytes)
    );
    Description::parse(&text, Path::new("cifar10.toml")).unwrap()
}

/// The stage of a fetch and its last numbers.
type Seen = Vec<(String, Stage, u64, u64)>;

/// Fetches, with the last progress of each stage.
fn fetch_from(description: &Description, out: &Path, source: &str) -> (Result<PathBuf, Error>, Seen) {
    let mut seen: Seen = Vec::new();
    let options = FetchOptions { from: Some(source), with: &[] };
    let result = fetch_corpus(description, out, options, &mut |event| {
        let FetchEvent::Progress(Progress { file, stage, done_bytes, total_bytes }) = event else { return };
        assert!(done_bytes <= total_bytes);
        let now = (file.to_owned(), stage, done_bytes, total_bytes);
        match seen.last_mut() {
            Some(last) if (&last.0, last.1) == (&now.0, now.1) => *last = now,
            _ => seen.push(now),
        }
    });
    (result, seen)
}

fn error_of(description: &Description, out: &Path, source: &str) -> String {
    fetch_from(description, out, source).0.unwrap_err().to_string()
}

/// The names in a folder, in order.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_fetched(result: Result<PathBuf, Error>) {
    let folder = result.unwrap();
    let corpus = Corpus::open(&folder).unwrap();
    assert_eq!(corpus.classes(), ["cat", "dog"]);
    assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..2, 2..4));
    assert_eq!(names_in(folder.parent().unwrap()), [FOLDER], "nothing else is left behind");
    let record = Record::read(&folder).unwrap().unwrap();
    assert_eq!((record.name.as_str(), record.fetched.unwrap().files), ("cifar10", 3));
    assert!(!folder.join("readme.html").exists());
}

#[test]
fn an_archive_is_fetched_checked_and_unpacked() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    let (result, progress) = fetch_from(&description, out.path(), &url);
    assert_fetched(result);
    assert_eq!(server.join().unwrap(), [None]);
    let total = bytes.len() as u64;
    let expected = [Stage::Download, Stage::Verify, Stage::Unpack];
    assert_eq!(progress, expected.map(|stage| ("cifar-10-binary.tar.gz".to_owned(), stage, total, total)));
    // Now it exists: no server is asked any more.
    let (second, progress) = fetch_from(&description, out.path(), &url);
    assert_fetched(second);
    assert!(progress.is_empty());
    // So is one that was unpacked by hand, without our description of it.
    fs::remove_file(out.path().join(FOLDER).join("corpus.toml")).unwrap();
    fetch_from(&description, out.path(), &url).0.unwrap();
    // What is not whole any more is fetched again.
    fs::write(out.path().join(FOLDER).join("test_batch.bin"), b"short").unwrap();
    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    assert_fetched(fetch_from(&description, out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [None]);
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let (url, server) = serve(&bytes, vec![Manner::HangUpAfter(3_000), Manner::HangUpAfter(500), Manner::Whole]);
    assert_fetched(fetch_from(&small_cifar10(&bytes), out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [None, Some(3_000), Some(3_500)]);
}

#[test]
fn an_interrupted_fetch_is_taken_up_by_the_next() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    let (url, server) = serve(&bytes, vec![Manner::HangUpAfter(3_000), Manner::HangUpAfter(0)]);
    let error = error_of(&description, out.path(), &url);
    assert!(error.contains("3000 of") && error.contains("again"), "{error}");
    assert_eq!(server.join().unwrap(), [None, Some(3_000)]);
    assert!(!out.path().join(FOLDER).exists());

    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    assert_fetched(fetch_from(&description, out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [Some(3_000)]);
}

/// As an interrupted fetch leaves it.
fn leave_part(out: &Path, bytes: &[u8]) {
    let staging = out.join(format!("{FOLDER}.part"));
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("cifar-10-binary.tar.gz.part"), bytes).unwrap();
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    leave_part(out.path(), b"something else altogether");
    let (url, server) = serve(&bytes, vec![Manner::NoRange]);
    assert_fetched(fetch_from(&small_cifar10(&bytes), out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [Some(25)]);
}

#[test]
fn a_wrong_beginning_is_fetched_once_more_and_a_whole_download_not_at_all() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    leave_part(out.path(), b"something else altogether");
    let (url, server) = serve(&bytes, vec![Manner::Whole, Manner::Whole]);
    assert_fetched(fetch_from(&description, out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [Some(25), None]);

    let out = tempfile::tempdir().unwrap();
    leave_part(out.path(), &bytes);
    let (url, server) = serve(&bytes, Vec::new());
    assert_fetched(fetch_from(&description, out.path(), &url).0);
    assert!(server.join().unwrap().is_empty());
}

#[test]
fn a_tampered_archive_is_refused_and_deleted() {
    let (mut bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    let hash = sha256(&bytes);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    let error = error_of(&description, out.path(), &url);
    server.join().unwrap();
    assert!(error.contains(&hash) && error.contains(&sha256(&bytes)) && error.contains("SHA-256"), "{error}");
    assert_eq!(names_in(out.path()), [""; 0]);
}

#[test]
fn another_size_and_another_answer_are_refused() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    let longer = [bytes.as_slice(), b"!"].concat();
    let (url, server) = serve(&longer, vec![Manner::Whole]);
    let error = error_of(&description, out.path(), &url);
    server.join().unwrap();
    assert!(error.contains(&format!("{} bytes", longer.len())), "{error}");
    let (url, server) = serve(&bytes, vec![Manner::NotFound]);
    let error = error_of(&description, out.path(), &url);
    server.join().unwrap();
    assert!(error.contains("404"), "{error}");
}

#[test]
fn a_local_file_is_checked_like_any_other() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.tar.gz");
    fs::write(&copy, &bytes[1..]).unwrap();
    let error = error_of(&description, out.path(), copy.to_str().unwrap());
    assert!(error.contains(&format!("found {} bytes", bytes.len() - 1)), "{error}");
    fs::write(&copy, &bytes).unwrap();
    assert_fetched(fetch_from(&description, out.path(), copy.to_str().unwrap()).0);
    assert!(copy.exists(), "the copy is the user's own");
    // The folder that holds it under its own name will do as well.
    let out = tempfile::tempdir().unwrap();
    fs::rename(&copy, copies.path().join("cifar-10-binary.tar.gz")).unwrap();
    assert_fetched(fetch_from(&description, out.path(), copies.path().to_str().unwrap()).0);
    let known = Description::named("cifar10").unwrap();
    let nothing = error_of(known, &out.path().join("new"), "no-such-file.tar.gz");
    assert!(nothing.contains("no-such-file.tar.gz"), "{nothing}");
}

#[test]
fn two_fetches_do_not_write_one_file_and_other_folders_are_not_replaced() {
    let (bytes, out) = (tgz(&good_files()), tempfile::tempdir().unwrap());
    let description = small_cifar10(&bytes);
    let first = place::Staging::open(out.path(), &description).unwrap();
    let second = place::Staging::open(out.path(), &description).err().unwrap();
    assert!(matches!(second, Error::Busy { .. }), "{second}");
    first.close(false).unwrap();
    assert_eq!(names_in(out.path()), [""; 0]);

    let mine = out.path().join(FOLDER);
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.tex"), b"mine").unwrap();
    let error = error_of(&description, out.path(), "no-such-file");
    assert!(error.contains("thesis.tex"), "{error}");
    assert_eq!(names_in(&mine), ["thesis.tex"]);
}
