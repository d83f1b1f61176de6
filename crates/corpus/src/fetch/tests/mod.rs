mod server;

use std::{fs, ops::RangeInclusive, path::Path};

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::{Corpus, Split};
use server::{Manner, serve};

const FOLDER: &str = "cifar-10-batches-bin";
/// Two records in each batch.
const BATCH_BYTES: u64 = 2 * 3_073;
const FILES: [(&str, RangeInclusive<u64>); 3] = [
    ("batches.meta.txt", 1..=1_000),
    ("data_batch_1.bin", BATCH_BYTES..=BATCH_BYTES),
    ("test_batch.bin", BATCH_BYTES..=BATCH_BYTES),
];

/// A file to be packed.
struct Packed {
    path: &'static str,
    kind: tar::EntryType,
    bytes: Vec<u8>,
}

fn file(path: &'static str, bytes: Vec<u8>) -> Packed {
    Packed { path, kind: tar::EntryType::Regular, bytes }
}

fn batch(label: u8) -> Vec<u8> {
    // Noise, so that the archive is not tiny.
    let mut state = u32::from(label) + 1;
    let mut bytes: Vec<u8> = (0..BATCH_BYTES)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
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

fn pack(files: &[Packed]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for packed in files {
        let mut header = tar::Header::new_gnu();
        // Written into the header by hand: the builder refuses the paths that an attacker would choose.
        header.as_old_mut().name[..packed.path.len()].copy_from_slice(packed.path.as_bytes());
        header.set_entry_type(packed.kind);
        header.set_size(packed.bytes.len() as u64);
        header.set_mode(0o644);
        if packed.kind.is_symlink() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, packed.bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn archive<'a>(bytes: &[u8], sha256: &'a str) -> Archive<'a> {
    let url = "http://localhost/cifar-10-binary.tar.gz";
    Archive { url, bytes: bytes.len() as u64, sha256, folder: FOLDER, files: &FILES }
}

/// Fetches, with the last progress of each stage.
fn fetch_from(archive: &Archive<'_>, out: &Path, source: &str) -> (Result<PathBuf, Error>, Vec<Progress>) {
    let mut seen: Vec<Progress> = Vec::new();
    let result = fetch(archive, out, Some(source), &mut |progress| {
        assert!(progress.done_bytes <= progress.total_bytes);
        match seen.last_mut() {
            Some(last) if last.stage == progress.stage => *last = progress,
            _ => seen.push(progress),
        }
    });
    (result, seen)
}

fn assert_fetched(result: Result<PathBuf, Error>) {
    let folder = result.unwrap();
    let corpus = Corpus::open(&folder).unwrap();
    assert_eq!(corpus.classes(), ["cat", "dog"]);
    assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..2, 2..4));
    let mut names: Vec<_> =
        fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [FOLDER], "nothing else is left behind");
    assert!(!folder.join("readme.html").exists());
}

#[test]
fn an_archive_is_fetched_checked_and_unpacked() {
    let (bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    let archive = archive(&bytes, &hash);
    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    let (result, progress) = fetch_from(&archive, out.path(), &url);
    assert_fetched(result);
    assert_eq!(server.join().unwrap(), [None]);
    let total = bytes.len() as u64;
    let expected = [Stage::Download, Stage::Verify, Stage::Unpack];
    assert_eq!(progress, expected.map(|stage| Progress { stage, done_bytes: total, total_bytes: total }));
    // Now it is there: no server is asked any more.
    let (again, progress) = fetch_from(&archive, out.path(), &url);
    assert_fetched(again);
    assert!(progress.is_empty());
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let (bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    let (url, server) = serve(&bytes, vec![Manner::HangUpAfter(3_000), Manner::HangUpAfter(500), Manner::Whole]);
    assert_fetched(fetch_from(&archive(&bytes, &hash), out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [None, Some(3_000), Some(3_500)]);
}

#[test]
fn an_interrupted_fetch_is_taken_up_by_the_next() {
    let (bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    let archive = archive(&bytes, &hash);
    let (url, server) = serve(&bytes, vec![Manner::HangUpAfter(3_000), Manner::HangUpAfter(0)]);
    let error = fetch_from(&archive, out.path(), &url).0.unwrap_err().to_string();
    assert!(error.contains("3000 of") && error.contains("again"), "{error}");
    assert_eq!(server.join().unwrap(), [None, Some(3_000)]);
    assert!(!out.path().join(FOLDER).exists());

    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    assert_fetched(fetch_from(&archive, out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [Some(3_000)]);
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let (bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    fs::write(out.path().join("cifar-10-binary.tar.gz.part"), b"something else altogether").unwrap();
    let (url, server) = serve(&bytes, vec![Manner::NoRange]);
    assert_fetched(fetch_from(&archive(&bytes, &hash), out.path(), &url).0);
    assert_eq!(server.join().unwrap(), [Some(25)]);
}

#[test]
fn a_tampered_archive_is_refused_and_not_kept() {
    let (mut bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let archive = archive(&bytes, &hash);
    let (url, server) = serve(&bytes, vec![Manner::Whole]);
    let error = fetch_from(&archive, out.path(), &url).0.unwrap_err().to_string();
    server.join().unwrap();
    assert!(error.contains(&hash) && error.contains(&sha256(&bytes)), "{error}");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn another_size_and_another_answer_are_refused() {
    let (bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    let archive = archive(&bytes, &hash);
    let longer = [bytes.as_slice(), b"!"].concat();
    let (url, server) = serve(&longer, vec![Manner::Whole]);
    let error = fetch_from(&archive, out.path(), &url).0.unwrap_err().to_string();
    // The server may find that nobody listens.
    let _ = server.join();
    assert!(error.contains(&format!("{} bytes", longer.len())), "{error}");
    let (url, server) = serve(&bytes, vec![Manner::NotFound]);
    let error = fetch_from(&archive, out.path(), &url).0.unwrap_err().to_string();
    server.join().unwrap();
    assert!(error.contains("404"), "{error}");
}

#[test]
fn a_local_file_is_checked_like_any_other() {
    let (bytes, out) = (pack(&good_files()), tempfile::tempdir().unwrap());
    let hash = sha256(&bytes);
    let archive = archive(&bytes, &hash);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.tar.gz");
    fs::write(&copy, &bytes[1..]).unwrap();
    let error = fetch_from(&archive, out.path(), copy.to_str().unwrap()).0.unwrap_err().to_string();
    assert!(error.contains(&format!("found {} bytes", bytes.len() - 1)), "{error}");
    fs::write(&copy, &bytes).unwrap();
    assert_fetched(fetch_from(&archive, out.path(), copy.to_str().unwrap()).0);
    assert!(copy.exists(), "the copy is the reader's own");
    let nothing = fetch_cifar10(&out.path().join("new"), Some("no-such-file.tar.gz"), &mut |_| {}).unwrap_err();
    assert!(nothing.to_string().contains("no-such-file.tar.gz"), "{nothing}");
}

#[test]
fn an_archive_cannot_write_anywhere_else() {
    let link = |path| Packed { path, kind: tar::EntryType::Symlink, bytes: Vec::new() };
    let with = |packed| {
        let mut files = good_files();
        files.insert(0, packed);
        files
    };
    let mut incomplete = good_files();
    incomplete.pop();
    let mut large = good_files();
    large[1].bytes.push(0);
    for (files, expected) in [
        (with(link("cifar-10-batches-bin/data_batch_1.bin")), "Symlink"),
        (with(link("cifar-10-batches-bin")), "Symlink"),
        (with(file("../evil", vec![1])), "../evil"),
        (with(file("/tmp/deepviz-evil", vec![1])), "evil"),
        (with(file("cifar-10-batches-bin/../../evil", vec![1])), "evil"),
        (with(file("cifar-10-batches-bin/test_batch.bin", batch(3))), "twice"),
        (incomplete, "no test_batch.bin"),
        (large, "6147 bytes"),
    ] {
        let (bytes, parent) = (pack(&files), tempfile::tempdir().unwrap());
        let (hash, out) = (sha256(&bytes), parent.path().join("out"));
        let copy = parent.path().join("copy.tar.gz");
        fs::write(&copy, &bytes).unwrap();
        let error = fetch_from(&archive(&bytes, &hash), &out, copy.to_str().unwrap()).0.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "{expected}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2, "{expected}");
    }
}

#[test]
fn two_fetches_do_not_write_one_file() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("cifar-10-binary.tar.gz.part");
    let first = download::Part::open(path.clone()).unwrap();
    let second = download::Part::open(path.clone()).err().unwrap();
    assert!(matches!(second, Error::Busy { .. }), "{second}");
    first.discard().unwrap();
    assert!(!path.exists());
}
