//! Several addresses, several files, files of unknown size, optional files.

use std::fmt::Write as _;

use super::*;
use pack::md5;
use server::serve_files;

const NAMES: [&str; 2] = ["train.bin", "test.bin"];

/// Two files, each at every one of these addresses of folders.
fn description(addresses: &[&str], files: [&[u8]; 2], more: &str) -> Description {
    let mut text = "name = \"mine\"\ntitle = \"Mine\"\nlayout = \"idx\"\nlicence = \"x\"\nclass_count = 2\n".to_owned();
    for (name, bytes) in NAMES.iter().zip(files) {
        let addresses: Vec<String> = addresses.iter().map(|address| format!("\"{address}/{name}\"")).collect();
        writeln!(text, "[[file]]\naddresses = [{}]", addresses.join(", ")).unwrap();
        writeln!(text, "bytes = {}\nmd5 = \"{}\"\n{more}", bytes.len(), md5(bytes)).unwrap();
    }
    Description::parse(&text, Path::new("mine.toml")).unwrap()
}

/// Fetches from the addresses of the description; returns what was reported of addresses that failed.
fn fetch_official(description: &Description, out: &Path, with: &[String]) -> (Result<PathBuf, Error>, Vec<String>) {
    let mut failed = Vec::new();
    let options = FetchOptions { from: None, with };
    let result = fetch_corpus(description, out, options, &mut |event| {
        if let FetchEvent::AddressFailed { file, address, error } = event {
            failed.push(format!("{file} {address} {error}"));
        }
    });
    (result, failed)
}

fn assert_both(folder: &Path, files: [&[u8]; 2]) {
    assert_eq!(names_in(folder), ["corpus.toml", "test.bin", "train.bin"]);
    for (name, bytes) in NAMES.iter().zip(files) {
        assert_eq!(fs::read(folder.join(name)).unwrap(), bytes);
    }
}

#[test]
fn what_has_arrived_of_several_files_is_not_fetched_again() {
    let (train, test) = (noise(1, 9_000), noise(2, 2_000));
    let files = [(NAMES[0], train.as_slice()), (NAMES[1], test.as_slice())];
    let out = tempfile::tempdir().unwrap();
    let (url, server) = serve_files(&files, vec![Manner::Whole, Manner::HangUpAfter(700), Manner::HangUpAfter(0)]);
    let first = description(&[&url], [&train, &test], "");
    let error = fetch_official(&first, out.path(), &[]).0.unwrap_err().to_string();
    assert!(error.contains("700 of 2000") && error.contains("test.bin"), "{error}");
    assert_eq!(server.join().unwrap().len(), 3);
    assert_eq!(names_in(out.path()), ["mine.part"]);

    let (url, server) = serve_files(&files, vec![Manner::Whole]);
    let second = description(&[&url], [&train, &test], "");
    assert_both(&fetch_official(&second, out.path(), &[]).0.unwrap(), [&train, &test]);
    assert_eq!(server.join().unwrap(), [("/test.bin".to_owned(), Some(700))]);
    assert_eq!(names_in(out.path()), ["mine"]);
}

#[test]
fn the_next_address_is_tried_when_one_fails() {
    let (train, test) = (noise(1, 9_000), noise(2, 2_000));
    let files = [(NAMES[0], train.as_slice()), (NAMES[1], test.as_slice())];
    let changed = [(NAMES[0], &noise(3, 9_000)[..]), (NAMES[1], &noise(4, 1_999)[..])];
    let out = tempfile::tempdir().unwrap();
    let (gone, gone_server) = serve_files(&files, vec![Manner::NotFound; 2]);
    let (tampered, tampered_server) = serve_files(&changed, vec![Manner::Whole; 2]);
    let (good, good_server) = serve_files(&files, vec![Manner::Whole; 2]);
    let mine = description(&[&gone, &tampered, &good], [&train, &test], "");
    let (result, failed) = fetch_official(&mine, out.path(), &[]);
    assert_both(&result.unwrap(), [&train, &test]);
    for server in [gone_server, tampered_server, good_server] {
        let asked = server.join().unwrap();
        assert_eq!(asked, [("/train.bin".to_owned(), None), ("/test.bin".to_owned(), None)]);
    }
    let parts = [
        ["train.bin", gone.as_str(), "404"],
        ["train.bin", &tampered, "MD5"],
        ["test.bin", &gone, "404"],
        ["test.bin", &tampered, "1999 bytes"],
    ];
    assert_eq!(failed.len(), parts.len(), "{failed:?}");
    for (line, parts) in failed.iter().zip(parts) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}: {parts:?}");
    }
}

#[test]
fn the_failure_of_each_address_is_reported() {
    let (train, test) = (noise(1, 900), noise(2, 200));
    let wrong = noise(3, 900);
    let out = tempfile::tempdir().unwrap();
    let (gone, gone_server) = serve_files(&[], vec![Manner::Whole]);
    let (tampered, tampered_server) = serve_files(&[(NAMES[0], &wrong)], vec![Manner::Whole]);
    let mine = description(&[&gone, &tampered], [&train, &test], "");
    let error = fetch_official(&mine, out.path(), &[]).0.unwrap_err().to_string();
    for part in ["train.bin", gone.as_str(), "404", &md5(&wrong), &md5(&train), "; "] {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
    gone_server.join().unwrap();
    tampered_server.join().unwrap();
    assert_eq!(names_in(out.path()), [""; 0]);
}

#[test]
fn another_address_or_folder_stands_for_all_files() {
    let (train, test) = (noise(1, 900), noise(2, 200));
    let mine = description(&["http://localhost"], [&train, &test], "");
    let (url, server) =
        serve_files(&[(NAMES[0], train.as_slice()), (NAMES[1], test.as_slice())], vec![Manner::Whole; 2]);
    let out = tempfile::tempdir().unwrap();
    let from = format!("{url}/mirror/");
    assert_both(&fetch_from(&mine, out.path(), &from).0.unwrap(), [&train, &test]);
    let asked: Vec<String> = server.join().unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked, ["/mirror/train.bin", "/mirror/test.bin"]);

    let copies = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    fs::write(copies.path().join(NAMES[0]), &train).unwrap();
    let error = error_of(&mine, out.path(), copies.path().to_str().unwrap());
    assert!(error.contains("test.bin"), "{error}");
    let error = error_of(&mine, out.path(), copies.path().join(NAMES[0]).to_str().unwrap());
    assert!(error.contains("the folder that holds train.bin, test.bin"), "{error}");
    fs::write(copies.path().join(NAMES[1]), &test).unwrap();
    assert_both(&fetch_from(&mine, out.path(), copies.path().to_str().unwrap()).0.unwrap(), [&train, &test]);
    assert_eq!(names_in(copies.path()), ["test.bin", "train.bin"]);
}

#[test]
fn an_optional_file_is_fetched_when_asked_for_and_the_rest_is_used_again() {
    let (train, test) = (noise(1, 900), noise(2, 200));
    let files = [(NAMES[0], train.as_slice()), (NAMES[1], test.as_slice())];
    let out = tempfile::tempdir().unwrap();
    let (url, server) = serve_files(&files, vec![Manner::Whole; 2]);
    let mut mine = description(&[&url], [&train, &test], "");
    mine.files[1].optional = true;
    let folder = fetch_official(&mine, out.path(), &[]).0.unwrap();
    assert_eq!(names_in(&folder), ["corpus.toml", "train.bin"]);
    let with = ["test.bin".to_owned()];
    assert_both(&fetch_official(&mine, out.path(), &with).0.unwrap(), [&train, &test]);
    let asked: Vec<String> = server.join().unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked, ["/train.bin", "/test.bin"]);
    // Both are there now, whether requested or not.
    assert_both(&fetch_official(&mine, out.path(), &[]).0.unwrap(), [&train, &test]);
    let error = fetch_official(&mine, out.path(), &["extra.bin".to_owned()]).0.unwrap_err().to_string();
    assert!(error.contains("extra.bin") && error.contains("test.bin"), "{error}");
}

#[test]
fn a_file_of_unknown_size_is_checked_by_its_digest_alone() {
    let (train, test) = (noise(1, 9_000), noise(2, 200));
    let files = [(NAMES[0], train.as_slice()), (NAMES[1], test.as_slice())];
    let out = tempfile::tempdir().unwrap();
    let manners = vec![Manner::HangUpAfter(4_000), Manner::Whole, Manner::NoLength];
    let (url, server) = serve_files(&files, manners);
    let mut mine = description(&[&url], [&train, &test], "");
    for file in &mut mine.files {
        file.bytes = None;
    }
    assert_both(&fetch_official(&mine, out.path(), &[]).0.unwrap(), [&train, &test]);
    let expected = [("/train.bin", None), ("/train.bin", Some(4_000)), ("/test.bin", None)];
    assert_eq!(server.join().unwrap(), expected.map(|(path, range)| (path.to_owned(), range)));

    // Cut without a word of how much there is: the digest tells, and the next address is not asked for a rest.
    let out = tempfile::tempdir().unwrap();
    let (url, server) = serve_files(&[(NAMES[0], &train[..5_000])], vec![Manner::NoLength]);
    let mut mine = description(&[&url], [&train, &test], "");
    mine.files[0].bytes = None;
    let error = fetch_official(&mine, out.path(), &[]).0.unwrap_err().to_string();
    assert!(error.contains(&md5(&train)), "{error}");
    server.join().unwrap();
    assert_eq!(names_in(out.path()), [""; 0]);
}
