//! Files that are left out, and how the corpus's `Account` reports them.

use super::*;

#[test]
fn broken_images_are_left_out_by_reason() {
    let folder = TestFolder::new();
    for index in [1, 3, 5] {
        folder.save(&format!("train/a/{index}.png"), colour([index, 0, 0]));
    }
    folder.save("train/b/photo.jpg", colour([90, 90, 90]));
    let jpeg = fs::read(folder.path().join("train/b/photo.jpg")).unwrap();
    folder.write("train/a/0.jpg", &jpeg[..jpeg.len() - 20]);
    folder.write("train/a/2.png", b"no picture at all");
    folder.write("train/a/4.webp", b"");
    folder.write("train/b/new.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    folder.write("train/b/inner/x.png", &png([1, 2, 3]));
    folder.write("train/stray.png", &png([1, 2, 3]));
    let corpus = folder.open();
    assert_eq!(folder.names(), ["1.png", "3.png", "5.png", "photo.jpg"]);
    assert_eq!(corpus.pixels(ImageId(2)).unwrap()[[0, 0, 0]], 5);
    assert_eq!(corpus.labels(), [0, 0, 0, 1].map(ClassId));
    for (reason, names) in [
        (Reason::Damaged, &["train/a/0.jpg", "train/a/2.png"][..]),
        (Reason::Empty, &["train/a/4.webp"]),
        (Reason::UnknownFormat, &["train/b/new.heic"]),
        (Reason::OtherFolder, &["train/b/inner/x.png"]),
        (Reason::Unlabelled, &["train/stray.png"]),
    ] {
        assert_eq!(left_out(&corpus, reason), names, "{reason:?}");
    }
    let details: Vec<_> = corpus.account().left_out().flat_map(|left| &left.first).map(|e| e.detail.as_str()).collect();
    assert!(details.iter().any(|detail| detail.contains("cut short")), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("not an image, found text")), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("HEIC")), "{details:?}");
    let strict = OpenOptions { strict: true, ..OpenOptions::default() };
    assert!(matches!(Corpus::open_with(folder.path(), &strict), Err(Error::LeftOut { .. })));
}

#[test]
fn an_image_with_a_huge_header_is_left_out_alone() {
    let folder = TestFolder::new();
    folder.fill("train/cat", 20);
    let mut header = png([0; 3])[..33].to_vec();
    header[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    folder.write("train/cat/!.png", &header);
    let corpus = folder.open();
    assert_eq!((corpus.len(), left_out(&corpus, Reason::TooLarge)), (20, vec!["train/cat/!.png"]));
}

#[test]
fn the_size_is_what_most_images_have() {
    let folder = TestFolder::new();
    folder.fill("train/cat", 40);
    folder.save("train/cat/!first.png", RgbImage::new(48, 48));
    folder.save("test/cat/preview.png", RgbImage::new(640, 480));
    folder.fill("test/cat", 4);
    let corpus = folder.open();
    assert_eq!(corpus.common_shape(), Some(ImageShape { channels: 3, height: 3, width: 4 }));
    assert_eq!(counts(&corpus), (40, 4));
    assert_eq!(left_out(&corpus, Reason::OtherSize), ["train/cat/!first.png", "test/cat/preview.png"]);
    let options = OpenOptions { own_sizes: true, ..OpenOptions::default() };
    let own = Corpus::open_with(folder.path(), &options).unwrap();
    assert_eq!((own.len(), own.common_shape()), (46, None));
    assert_eq!(own.sizes()[0], ([3, 4], 44));
    assert_eq!(own.account().lost(), 0);
    // Half and half: no size is that of the corpus.
    let mixed = TestFolder::of(&["train/cat/1.png"]);
    mixed.save("train/cat/2.png", RgbImage::new(5, 8));
    let error = mixed.refused();
    assert!(error.contains("data.resize") && error.contains("5 x 8") && error.contains("4 x 3"), "{error}");
}

#[test]
fn folders_of_systems_and_empty_ones_are_no_classes() {
    let folder = TestFolder::of(&["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"]);
    folder.write("train/__MACOSX/cat/._1.png", b"x");
    folder.write("train/@Recycle/1.png", &png([1; 3]));
    folder.write("train/#snapshot/cat/1.png", &png([1; 3]));
    folder.write("train/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", &png([1; 3]));
    folder.write("train/$RECYCLE.BIN/1.png", &png([1; 3]));
    folder.write("train/.ipynb_checkpoints/1.png", &png([1; 3]));
    folder.write("train/cat/Thumbs.db", b"x");
    folder.write("train/cat/.DS_Store", b"x");
    folder.make("train/emu");
    folder.write("train/fox/notes.txt", b"later");
    let corpus = folder.open();
    assert_eq!(corpus.classes(), ["cat", "dog"]);
    assert_eq!(counts(&corpus), (2, 2));
    assert_eq!(left_out(&corpus, Reason::EmptyFolder), ["train/emu", "train/fox"]);
    assert_eq!(corpus.account().count(Reason::System), 8);
    assert_eq!(left_out(&corpus, Reason::NotAnImage), ["train/fox/notes.txt"]);
}

#[test]
fn runs_and_caches_inside_of_a_corpus_are_no_classes() {
    for root in ["", "train/"] {
        let folder = TestFolder::new();
        folder.fill(&format!("{root}cat"), 12);
        folder.fill(&format!("{root}dog"), 12);
        let before = folder.open();
        for run in ["run1", "runs/a", "train/b"] {
            folder.write(&format!("{run}/run.toml"), b"");
            folder.write(&format!("{run}/snapshots/1.safetensors"), b"x");
            folder.write(&format!("{run}/picture.png"), &png([1; 3]));
        }
        folder.write("cache/corpora/sources/abc", b"x");
        folder.write("cache/corpora/0123456789abcdef", b"pixels");
        let after = folder.open();
        assert_eq!((after.identity(), after.classes()), (before.identity(), before.classes()), "{root}");
        assert_eq!(after.account().count(Reason::OwnFolder), 4, "{root}");
    }
}

#[cfg(unix)]
#[test]
fn dangling_links_and_pipes_are_reported_without_waiting() {
    let folder = TestFolder::of(&["train/cat/1.png", "train/cat/2.png"]);
    std::os::unix::fs::symlink("nowhere.png", folder.path().join("train/cat/3.png")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("train/cat/1.png"), folder.path().join("train/cat/4.png")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(folder.path().join("train/cat/5.png")).unwrap();
    let corpus = folder.open();
    assert_eq!(corpus.len(), 3);
    assert_eq!(left_out(&corpus, Reason::Unreadable), ["train/cat/5.png", "train/cat/3.png"]);
    drop(socket);
}

#[test]
fn a_large_file_that_is_no_image_is_not_read_whole() {
    let folder = TestFolder::of(&["train/cat/1.png"]);
    let path = folder.path().join("train/cat/video");
    // A file of one terabyte that takes no room on disk.
    fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
    let corpus = folder.open();
    assert_eq!(left_out(&corpus, Reason::NotAnImage), ["train/cat/video"]);
}

#[test]
fn files_beside_class_folders_are_classified_by_content() {
    let folder = TestFolder::of(&["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"]);
    folder.write("corpus.toml", b"layout = \"class-folders\"\n[class_names]\ncat = \"tabby\"\n");
    assert!(folder.open().account().is_clean(), "deepViz's own description: {:?}", folder.open().account());
    assert_eq!(folder.open().classes(), ["tabby", "dog"]);
    folder.write("LICENSE", b"free");
    folder.write("train/corpus.toml", b"not the description");
    folder.write("photo", &png([1, 2, 3]));
    let corpus = folder.open();
    assert_eq!(left_out(&corpus, Reason::NotAnImage), ["LICENSE", "train/corpus.toml"]);
    assert_eq!(left_out(&corpus, Reason::Unlabelled), ["photo"]);
}
