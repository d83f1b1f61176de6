//! Names of classes and files, and what they are in different systems.

use super::*;

#[test]
fn a_name_composed_and_decomposed_is_one_class() {
    let folder = TestFolder::of(&["train/caf\u{e9}/1.png", "test/cafe\u{301}/2.png", "test/cafe\u{301}/e\u{301}.png"]);
    let corpus = folder.open();
    assert_eq!(corpus.classes(), ["caf\u{e9}"]);
    assert_eq!(counts(&corpus), (1, 2));
    assert_eq!(names(&corpus), ["1.png", "2.png", "\u{e9}.png"]);
    assert_eq!(remarks(&corpus), "there is one class alone, caf\u{e9}: the folders may be no classes");
}

#[test]
fn names_that_differ_in_case_stay_separate_and_are_reported() {
    let folder = TestFolder::of(&["train/Dog/1.png", "train/cat/1.png", "test/dog/1.png", "test/cat/1.png"]);
    let corpus = folder.open();
    assert_eq!(corpus.classes(), ["Dog", "cat", "dog"]);
    assert!(remarks(&corpus).contains("Dog and dog differ in capital letters"), "{}", remarks(&corpus));
    assert!(remarks(&corpus).contains("with no training images: dog"), "{}", remarks(&corpus));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_are_read_and_shown_with_replacement_characters() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let folder = TestFolder::of(&["train/cat/1.png"]);
    for (name, file) in [(&b"caf\xe9"[..], &b"\xff1.png"[..]), (b"caf\xe8", b"2.png")] {
        let path = folder.path().join("train").join(OsStr::from_bytes(name));
        fs::create_dir(&path).unwrap();
        fs::write(path.join(OsStr::from_bytes(file)), png([1, 1, 1])).unwrap();
    }
    let corpus = folder.open();
    assert_eq!(corpus.classes(), ["caf\u{fffd}", "caf\u{fffd} (2)", "cat"]);
    assert_eq!(names(&corpus), ["2.png", "\u{fffd}1.png", "1.png"]);
    assert_eq!(corpus.account().lost(), 0);
}

#[test]
fn content_decides_what_is_an_image() {
    let folder = TestFolder::new();
    let jpeg = encoded(colour([9, 9, 9]), ImageFormat::Jpeg);
    for name in ["a.jpg", "b.jfif", "c.JFIF", "d.jpe", "e.pjpeg", "f.jif", "g", "h.0001", "i.png", "j.txt"] {
        folder.write(&format!("train/cat/{name}"), &jpeg);
    }
    for (name, format) in [
        ("k.bmp", ImageFormat::Bmp),
        ("l.gif", ImageFormat::Gif),
        ("m.tif", ImageFormat::Tiff),
        ("n.ppm", ImageFormat::Pnm),
        ("o.webp", ImageFormat::WebP),
    ] {
        folder.write(&format!("train/cat/{name}"), &encoded(colour([9, 9, 9]), format));
    }
    folder.write("train/cat/labels.csv", b"a,b");
    folder.write("train/cat/README", b"words");
    let corpus = folder.open();
    assert_eq!(corpus.len(), 15);
    assert_eq!(corpus.account().lost(), 0);
    assert_eq!(left_out(&corpus, Reason::NotAnImage), ["train/cat/README", "train/cat/labels.csv"]);
    // Without any extension, and folders without images' content.
    let bare = TestFolder::new();
    bare.write("cat/1", &jpeg);
    bare.write("dog/1", &jpeg);
    assert_eq!(bare.open().classes(), ["cat", "dog"]);
    let none = TestFolder::new();
    none.write("cat/1", b"words");
    assert!(matches!(Corpus::open(none.path()), Err(Error::NotACorpus { .. })));
}

#[test]
fn outside_of_classes_content_decides_too() {
    let folder = TestFolder::of(&["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"]);
    for name in ["LICENSE", "train/SHA256SUMS", "classes.names", "notes/CITATION", "train/empty"] {
        folder.write(name, if name.ends_with("empty") { b"" } else { b"words" });
    }
    folder.write("train/stray", &png([1, 2, 3]));
    folder.write("more/cat/1", &png([1, 2, 3]));
    let corpus = folder.open();
    let mut notes = left_out(&corpus, Reason::NotAnImage);
    notes.sort_unstable();
    assert_eq!(notes, ["LICENSE", "classes.names", "notes/CITATION", "train/SHA256SUMS", "train/empty"]);
    assert_eq!(left_out(&corpus, Reason::Unlabelled), ["train/stray"]);
    assert_eq!(left_out(&corpus, Reason::OtherFolder), ["more/cat/1"]);
}
