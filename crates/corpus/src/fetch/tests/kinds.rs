//! Every kind of file, good and evil.

use std::fmt::Write as _;

use tar::EntryType;

use super::*;
use pack::{gzip, md5, of_kind, tar, zip};

/// A description of files that hold class folders, each with its name and bytes.
fn description(files: &[(&str, &[u8])], more: &str) -> Description {
    let mut text = format!(
        "name = \"mine\"\ntitle = \"Mine\"\nlayout = \"class-folders\"\nlicence = \"my own\"\nclass_count = 2\n{more}\n"
    );
    for (name, bytes) in files {
        let (length, md5) = (bytes.len(), md5(bytes));
        let address = format!("addresses = [\"http://localhost/{name}\"]");
        writeln!(text, "[[file]]\n{address}\nbytes = {length}\nmd5 = \"{md5}\"").unwrap();
    }
    Description::parse(&text, Path::new("mine.toml")).unwrap()
}

/// Fetches files from a folder of copies.
fn unpack(files: &[(&str, &[u8])], more: &str) -> (tempfile::TempDir, Result<PathBuf, Error>) {
    let parent = tempfile::tempdir().unwrap();
    let copies = parent.path().join("copies");
    fs::create_dir(&copies).unwrap();
    for (name, bytes) in files {
        fs::write(copies.join(name), bytes).unwrap();
    }
    let out = parent.path().join("out");
    let result = fetch_from(&description(files, more), &out, copies.to_str().unwrap()).0;
    (parent, result)
}

fn class_folders() -> Vec<Packed> {
    vec![
        of_kind("mine/", EntryType::Directory),
        file("mine/cat/1.bin", noise(1, 5_000)),
        file("mine/dog/2.bin", noise(2, 6_000)),
        file("notes.txt", b"beside".to_vec()),
    ]
}

#[test]
fn archives_of_every_kind_unpack_to_the_same_files() {
    let files = class_folders();
    for (name, bytes) in [
        ("mine.tar", tar(&files)),
        ("mine.tar.gz", tgz(&files)),
        ("mine.tgz", tgz(&files)),
        // An archive that is named as if it were compressed.
        ("plain.tgz", tar(&files)),
        ("mine.zip", zip(&files)),
    ] {
        let (_keep, result) = unpack(&[(name, &bytes)], "");
        let folder = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names_in(&folder), ["corpus.toml", "mine", "notes.txt"], "{name}");
        assert_eq!(fs::read(folder.join("mine/dog/2.bin")).unwrap(), noise(2, 6_000), "{name}");
        let fetched = Record::read(&folder).unwrap().unwrap().fetched.unwrap();
        assert_eq!((fetched.files, fetched.bytes), (3, 11_006), "{name}");
        // With the leading folder taken off, what lies outside of it stays packed.
        let strip = "strip = \"mine\"";
        let text = format!(
            "unpacked_bytes_max = 20_000\nunpacked_files_max = 4\n[[file]]\naddresses = [\"http://x/{name}\"]\n"
        );
        let text = format!("{text}md5 = \"{}\"\n{strip}\n", md5(&bytes));
        let head = "name = \"mine\"\ntitle = \"Mine\"\nlayout = \"class-folders\"\nlicence = \"x\"\n";
        let description = Description::parse(&format!("{head}{text}"), Path::new("mine.toml")).unwrap();
        let parent = tempfile::tempdir().unwrap();
        let copy = parent.path().join(name);
        fs::write(&copy, &bytes).unwrap();
        let folder = fetch_from(&description, &parent.path().join("out"), copy.to_str().unwrap()).0.unwrap();
        assert_eq!(names_in(&folder), ["cat", "corpus.toml", "dog"], "{name}");
    }
}

#[test]
fn single_files_are_copied_or_decompressed() {
    let (images, labels) = (noise(3, 7_000), noise(4, 100));
    let packed = gzip(&images);
    let (_keep, result) = unpack(&[("images-idx3-ubyte.gz", &packed), ("labels.mat", &labels)], "");
    let folder = result.unwrap();
    assert_eq!(names_in(&folder), ["corpus.toml", "images-idx3-ubyte", "labels.mat"]);
    assert_eq!(fs::read(folder.join("images-idx3-ubyte")).unwrap(), images);
    assert_eq!(fs::read(folder.join("labels.mat")).unwrap(), labels);
}

#[test]
fn a_damaged_record_or_a_missing_file_is_fetched_again() {
    let bytes = tgz(&class_folders());
    let files: [(&str, &[u8]); 1] = [("mine.tgz", &bytes)];
    let (parent, result) = unpack(&files, "");
    let folder = result.unwrap();
    let refetch = |source: &str| fetch_from(&description(&files, ""), &parent.path().join("out"), source).0;
    refetch("no-such-file").unwrap();
    fs::remove_file(folder.join("mine/cat/1.bin")).unwrap();
    let error = refetch("no-such-file").unwrap_err().to_string();
    assert!(error.contains("no-such-file"), "{error}");
    refetch(parent.path().join("copies").to_str().unwrap()).unwrap();
    assert!(folder.join("mine/cat/1.bin").exists());
}

/// Nothing but the archive is there after an error.
fn assert_refused(archive: (&str, &[u8]), more: &str, expected: &str) {
    let (parent, result) = unpack(&[archive], more);
    let error = result.unwrap_err().to_string();
    assert!(error.contains(expected), "{}: {error}", archive.0);
    assert_eq!(names_in(&parent.path().join("out")), [""; 0], "{expected}");
    assert_eq!(names_in(parent.path()), ["copies", "out"], "{expected}");
}

#[test]
fn an_archive_cannot_write_anywhere_else() {
    for (path, expected) in [
        ("../evil", "../evil"),
        ("/deepviz-evil", "deepviz-evil"),
        ("mine/../../evil", "evil"),
        ("corpus.toml", "corpus.toml"),
        ("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/evil", "at most 32"),
    ] {
        let files = [file(path, vec![1])];
        assert_refused(("mine.tar", &tar(&files)), "", expected);
        assert_refused(("mine.tgz", &tgz(&files)), "", expected);
        assert_refused(("mine.zip", &zip(&files)), "", expected);
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let files = [of_kind("mine/link", kind), file("mine/link/evil", vec![1])];
        assert_refused(("mine.tgz", &tgz(&files)), "", &format!("{kind:?}"));
    }
    let link = [of_kind("mine/link", EntryType::Symlink), file("mine/link/evil", vec![1])];
    assert_refused(("mine.zip", &zip(&link)), "", "Symlink");
    let twice = [file("mine/1.bin", vec![1]), file("./mine/1.bin", vec![2])];
    assert_refused(("mine.tgz", &tgz(&twice)), "", "twice");
    assert_refused(("mine.zip", &zip(&twice)), "", "twice");
}

#[test]
fn no_more_is_unpacked_than_the_description_allows() {
    let bomb = vec![0; 3_000_000];
    let files = [file("mine/1.bin", bomb.clone())];
    let limit = "unpacked_bytes_max = 2_000_000";
    assert_refused(("mine.tgz", &tgz(&files)), limit, "more than 2000000 bytes");
    assert_refused(("mine.zip", &zip(&files)), limit, "more than 2000000 bytes");
    assert_refused(("mine.gz", &gzip(&bomb)), limit, "more than 2000000 bytes");
    // Without a limit of its own, an archive may hold fifty times its bytes, and 64 MiB at least.
    let bomb = vec![0; (64 << 20) + 1];
    assert_refused(("mine.gz", &gzip(&bomb)), "", "more than 67108864 bytes");
    let many: Vec<Packed> = (0..20).map(|_| file("mine/empty", Vec::new())).collect();
    let limit = "unpacked_files_max = 1";
    assert_refused(("mine.tgz", &tgz(&many[..2])), limit, "more than 1 files");
    let two = [file("mine/1.bin", vec![1]), file("mine/2.bin", vec![2])];
    assert_refused(("mine.tgz", &tgz(&two)), limit, "more than 1 files");
    assert_refused(("mine.zip", &zip(&two)), limit, "more than 1 files");
    // What is not wanted counts too.
    let more = format!("{limit}\n[[contents]]\npath = \"mine/2.bin\"");
    assert_refused(("mine.tgz", &tgz(&two)), &more, "more than 1 files");
}

/// Offset of the first file's size in the central directory of a zip, from its signature.
const SIZE_IN_DIRECTORY: usize = 24;

#[test]
fn a_zip_that_lies_about_a_size_or_is_damaged_is_refused() {
    let good = zip(&[file("mine/1.bin", noise(1, 5_000))]);
    let directory = good.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    let mut lies = good.clone();
    lies[directory + SIZE_IN_DIRECTORY..][..4].copy_from_slice(&100_u32.to_le_bytes());
    assert_refused(("mine.zip", &lies), "", "larger than its declared");
    let mut damaged = good.clone();
    damaged[60] ^= 0xff;
    assert_refused(("mine.zip", &damaged), "", "unpack");
    assert_refused(("mine.zip", b"this is no zip"), "", "zip");
    assert_refused(("mine.tar", b"this is no tar"), "", "unpack");
    assert_refused(("mine.tar", &[0; 1_024]), "", "no files");
    assert_refused(("mine.gz", b"this is no gzip"), "", "unpack");
    assert_refused(("mine.tgz", &tgz(&class_folders())[..6_000]), "", "unpack");
}

#[test]
fn missing_contents_and_wrong_sizes_are_reported() {
    let bytes = tgz(&class_folders());
    let contents = "[[contents]]\npath = \"mine/cat/1.bin\"\nbytes = 5_001";
    assert_refused(("mine.tgz", &bytes), contents, "mine/cat/1.bin with 5000 bytes");
    let contents = "[[contents]]\npath = \"mine/owl/1.bin\"";
    assert_refused(("mine.tgz", &bytes), contents, "no mine/owl/1.bin");
    let contents = "[[contents]]\npath = \"mine\"\nbytes_max = 10";
    assert_refused(("mine.gz", &gzip(&[0; 11])), contents, "mine with 11 bytes");
}
