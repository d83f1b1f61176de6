//! Folders as people have them: several corpora, corpora beside other things, files that are no corpus alone.

use std::{fs, path::Path};

use deepviz_corpus::{Corpus, Reason};

use crate::samples::sample;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

fn error(path: &Path) -> String {
    Corpus::open(path).unwrap_err().to_string()
}

/// An image of a sample.
fn picture() -> Vec<u8> {
    fs::read(sample("tiny_imagenet").file("val/images/val_0.JPEG")).unwrap()
}

#[test]
fn of_several_corpora_none_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    copy(&sample("mnist").path, &folder.path().join("mnist"));
    copy(&sample("fashion").path, &folder.path().join("deep/fashion"));
    assert!(error(folder.path()).contains("found deep/fashion/, mnist/; expected one"), "{}", error(folder.path()));
    copy(&sample("food").path, &folder.path().join("food"));
    assert!(error(folder.path()).contains("food/, mnist/"), "{}", error(folder.path()));
}

#[test]
fn a_corpus_is_found_beside_other_things() {
    let folder = tempfile::tempdir().unwrap();
    copy(&sample("mnist").path, &folder.path().join("MNIST/raw"));
    fs::create_dir(folder.path().join("MNIST/processed")).unwrap();
    fs::write(folder.path().join("MNIST/processed/training.pt"), b"x").unwrap();
    fs::create_dir(folder.path().join("pictures")).unwrap();
    fs::write(folder.path().join("pictures/1.png"), picture()).unwrap();
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!(corpus.identity(), sample("mnist").open().identity());
    assert_eq!(corpus.path(), folder.path().join("MNIST/raw"));
    let named = |reason| corpus.account().left_out().find(|left| left.reason == reason).unwrap().first[0].path.as_str();
    assert_eq!(named(Reason::NotAnImage), "MNIST/processed/training.pt");
    assert_eq!(named(Reason::Unlabelled), "pictures/1.png");
}

#[test]
fn a_folder_that_is_no_corpus_is_reported_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(error(folder.path()).contains("an empty folder"));
    fs::write(path("a.zip"), b"x").unwrap();
    assert!(error(folder.path()).contains("archives, which are opened one by one"), "{}", error(folder.path()));
    fs::write(path("1.png"), picture()).unwrap();
    assert!(error(folder.path()).contains("images that lie in no class folders"), "{}", error(folder.path()));
    fs::copy(sample("mnist").file("train-images-idx3-ubyte.gz"), path("images.gz")).unwrap();
    assert!(error(&path("images.gz")).contains("single compressed file"), "{}", error(&path("images.gz")));
    fs::write(path("notes"), b"words").unwrap();
    assert!(error(&path("notes")).contains("a file that is no archive"), "{}", error(&path("notes")));
}

#[test]
fn an_image_compressed_for_itself_is_a_loss_and_one_class_alone_is_remarked() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("images")).unwrap();
    for name in ["1.png", "2.png"] {
        fs::write(folder.path().join("images").join(name), picture()).unwrap();
    }
    fs::write(folder.path().join("images/3.png.gz"), b"\x1f\x8b\x08").unwrap();
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!((corpus.len(), corpus.account().count(Reason::UnknownFormat)), (2, 1), "{:?}", corpus.account());
    assert!(corpus.account().remarks().join("\n").contains("one class alone, images"), "{:?}", corpus.account());
    fs::write(folder.path().join("corpus.toml"), "layout = \"idx\"\n").unwrap();
    let remarks = Corpus::open(folder.path()).unwrap().account().remarks().join("\n");
    assert!(remarks.contains("names a layout that these files do not have"), "{remarks}");
}
