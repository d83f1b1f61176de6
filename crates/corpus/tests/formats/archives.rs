//! `WebDataset` shards, and class folders in an archive.

use std::{fs, io::Write};

use deepviz_corpus::{Corpus, OpenOptions, Reading, Reason};

use crate::samples::{compare, sample};

/// A tar of files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // `append_data` would refuse paths that lead outside.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn shards_are_read_with_labels_as_words_or_numbers() {
    let shards = sample("webdataset");
    let account = shards.check().account().clone();
    assert_eq!(account.count(Reason::Unlabelled), 1, "{account:?}");
    // A list that lacks a class.
    fs::write(shards.file("classes.txt"), "owl\n").unwrap();
    assert!(shards.error().contains("one of 1 classes"), "{}", shards.error());
    let test = Reading { test_from: Some("test".to_owned()), ..Reading::default() };
    let error = Corpus::open_with(&shards.path, &OpenOptions { reading: test, ..OpenOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("expected validation"), "{error}");
    // One shard alone.
    let alone = Corpus::open(&sample("webdataset").file("val-000000.tar")).unwrap();
    assert_eq!((alone.len(), alone.classes().len()), (1, 1));
}

#[test]
fn other_contents_of_an_archive_are_reported() {
    let shards = sample("webdataset");
    let before = shards.open().account().clone();
    let files: [(&str, &[u8]); 4] =
        [("._1.png", b"x"), ("notes.txt", b"x"), ("notes.md", b"x"), ("../outside.png", b"x")];
    fs::write(shards.file("train-000009.tar"), tar(&files)).unwrap();
    let account = shards.open().account().clone();
    let more = |reason| account.count(reason) - before.count(reason);
    assert_eq!([Reason::System, Reason::NotAnImage, Reason::Unreadable].map(more), [1, 2, 1], "{account:?}");
}

#[test]
fn broken_shards_are_reported() {
    let shards = sample("webdataset");
    let whole = fs::read(shards.file("val-000000.tar")).unwrap();
    for length in (0..whole.len()).step_by(111) {
        fs::write(shards.file("val-000000.tar"), &whole[..length]).unwrap();
        // Cut between two files, a tar archive is a whole one with fewer.
        if let Err(error) = Corpus::open(&shards.path) {
            assert!(error.to_string().contains("val-000000.tar"), "{length}: {error}");
        }
    }
    fs::write(shards.file("val-000000.tar"), &whole).unwrap();
    shards.change("train-000001.tar.gz", |bytes| bytes.truncate(bytes.len() / 2));
    assert!(shards.error().contains("train-000001.tar.gz"), "{}", shards.error());
    let json = tar(&[("1.png", b"x"), ("1.json", b"{\"label\": ")]);
    fs::write(shards.file("train-000001.tar.gz"), json).unwrap();
    assert!(shards.error().contains("1.json"), "{}", shards.error());
}

#[test]
fn class_folders_in_an_archive_are_the_corpus_that_the_folder_is() {
    let packed = sample("packed");
    let options = OpenOptions { own_sizes: true, ..OpenOptions::default() };
    for name in ["pax.tar", "gnu.tar", "corpus.tgz", "corpus.zip"] {
        let corpus = Corpus::open_with(&packed.file(name), &options).unwrap();
        compare(&corpus, &packed.expected);
        assert!(corpus.layout().contains("archive"));
    }
    let unpacked = packed.file("unpacked");
    tar::Archive::new(fs::File::open(packed.file("pax.tar")).unwrap()).unpack(&unpacked).unwrap();
    let corpus = Corpus::open(&packed.file("corpus.zip")).unwrap();
    assert_eq!(corpus.identity(), Corpus::open(&unpacked).unwrap().identity());
    // The description of a corpus names the classes that folders stand for.
    fs::write(unpacked.join("corpus.toml"), "[class_names]\ncat = \"tabby cat\"\n").unwrap();
    assert_eq!(Corpus::open(&unpacked).unwrap().classes(), ["tabby cat", "dog"]);
    let mut described = tar::Builder::new(fs::File::create(packed.file("described.tar")).unwrap());
    described.append_dir_all(".", &unpacked).unwrap();
    described.finish().unwrap();
    assert_eq!(Corpus::open(&packed.file("described.tar")).unwrap().classes(), ["tabby cat", "dog"]);
}

/// As in a folder: what is in a file decides, whatever it is called.
#[test]
fn images_in_an_archive_need_no_extension() {
    let png = {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(4, 4).write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner()
    };
    let folder = tempfile::tempdir().unwrap();
    let files = [("train/cat/1", &png[..]), ("train/dog/1", &png), ("test/cat/2", &png), ("test/dog/README", b"words")];
    let stray: [(&str, &[u8]); 3] = [("LICENSE", b"words"), ("train/stray", &png), ("train/cat/notes", b"words")];
    let path = folder.path().join("packed.tar");
    fs::write(&path, tar(&[&files[..], &stray].concat())).unwrap();
    let corpus = Corpus::open(&path).unwrap();
    assert_eq!((corpus.len(), corpus.classes()), (3, &["cat".to_owned(), "dog".to_owned()][..]));
    assert_eq!((corpus.account().count(Reason::NotAnImage), corpus.account().count(Reason::Unlabelled)), (3, 1));
}

#[test]
fn what_an_archive_should_not_hold_is_left_out_by_name() {
    let packed = sample("packed");
    let png = {
        let folder = packed.file("one");
        tar::Archive::new(fs::File::open(packed.file("pax.tar")).unwrap()).unpack(&folder).unwrap();
        let wrapping = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let class = wrapping.join("test/cat");
        fs::read(fs::read_dir(class).unwrap().next().unwrap().unwrap().path()).unwrap()
    };
    let path = packed.file("evil.tar");
    fs::write(&path, tar(&[("a/1.png", &png), ("b/1.png", &png), ("../outside/2.png", &png)])).unwrap();
    let corpus = Corpus::open(&path).unwrap();
    assert_eq!((corpus.len(), corpus.account().count(Reason::Unreadable)), (2, 1), "{:?}", corpus.account());
    // No class folders.
    fs::write(&path, tar(&[("readme.txt", b"x")])).unwrap();
    let error = Corpus::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("readme.txt") && error.contains("class folders") && error.contains("corpus fetch NAME --from"),
        "{error}"
    );
    // An archive that is not read.
    fs::write(&path, b"\xfd7zXZ\0rest").unwrap();
    let error = Corpus::open(&path).unwrap_err().to_string();
    assert!(error.contains("found xz") && error.contains("unpack it"), "{error}");
}

#[test]
fn broken_archives_are_reported() {
    for name in ["pax.tar", "corpus.tgz", "corpus.zip"] {
        let packed = sample("packed");
        let path = packed.file(name);
        let whole = fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(401) {
            fs::write(&path, &whole[..length]).unwrap();
            if let Err(error) = Corpus::open(&path) {
                assert!(error.to_string().contains(name), "{length}: {error}");
            }
        }
        for at in (0..whole.len()).step_by(31) {
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(&whole[..at]).unwrap();
            file.write_all(&[whole[at] ^ 0xff]).unwrap();
            file.write_all(&whole[at + 1..]).unwrap();
            // Read or refused, and nothing else.
            let _ = Corpus::open(&path);
        }
    }
}
