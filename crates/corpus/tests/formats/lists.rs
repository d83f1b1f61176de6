//! MATLAB files, STL-10, and corpora with lists beside the images.

use std::fs;

use deepviz_corpus::{Corpus, OpenOptions, Reading, Reason};

use crate::samples::sample;

#[test]
fn svhn_is_read_from_matlab_files() {
    let svhn = sample("svhn");
    svhn.check();
    fs::remove_file(svhn.file("test_32x32.mat")).unwrap();
    let remarks = svhn.open().account().remarks().join("\n");
    assert!(remarks.contains("every tenth"), "{remarks}");
}

#[test]
fn broken_matlab_files_are_reported() {
    for file in ["train_32x32.mat", "test_32x32.mat"] {
        let whole = fs::read(sample("svhn").file(file)).unwrap().len();
        for length in (0..400).chain((400..whole).step_by(97)).filter(|length| *length < whole) {
            let cut = sample("svhn");
            cut.change(file, |bytes| bytes.truncate(length));
            assert!(cut.error().contains(file), "{length}: {}", cut.error());
        }
    }
    // A byte of the head, changed to anything: read or refused, and nothing else.
    for at in 120..320 {
        for value in [0, 0x7f, 0xff] {
            let changed = sample("svhn");
            changed.change("test_32x32.mat", |bytes| bytes[at] = value);
            let _ = Corpus::open(&changed.path);
        }
    }
    let text = sample("svhn");
    text.change("train_32x32.mat", |bytes| bytes[..10].copy_from_slice(b"MATLAB 7.3"));
    assert!(text.error().contains("HDF5"), "{}", text.error());
    let label = sample("svhn");
    label.change("test_32x32.mat", |bytes| {
        let five = bytes.windows(8).rposition(|number| number == 5.0_f64.to_le_bytes()).unwrap();
        bytes[five..five + 8].copy_from_slice(&12.0_f64.to_le_bytes());
    });
    assert!(label.error().contains("image 0 has label 12, expected 0 to 9"), "{}", label.error());
}

#[test]
fn stl_10_is_read_and_its_unlabelled_images_are_counted() {
    let stl10 = sample("stl10");
    assert_eq!(stl10.check().account().count(Reason::Unlabelled), 3);
    stl10.change("train_y.bin", |bytes| bytes[1] = 0);
    assert!(stl10.error().contains("label 0 of image 1, expected 1 to 3"), "{}", stl10.error());
    stl10.change("train_y.bin", |bytes| bytes.truncate(1));
    assert!(stl10.error().contains("train_y.bin"), "{}", stl10.error());
    fs::remove_file(stl10.file("train_y.bin")).unwrap();
    assert!(stl10.error().contains("expected train_y.bin"), "{}", stl10.error());
    let cut = sample("stl10");
    cut.change("test_X.bin", |bytes| bytes.truncate(27_000));
    assert!(cut.error().contains("test_X.bin") && cut.error().contains("27000"), "{}", cut.error());
}

#[test]
fn tiny_imagenet_takes_val_for_testing() {
    let tiny = sample("tiny_imagenet");
    let account = tiny.check().account().clone();
    assert_eq!(account.count(Reason::Unlabelled), 5, "four of test/, one that no list names: {account:?}");
    // As people's scripts rearrange it.
    for (name, id) in [("val_0.JPEG", "n10"), ("val_1.JPEG", "n01")] {
        fs::create_dir_all(tiny.file(&format!("val/{id}/images"))).unwrap();
        fs::rename(tiny.file(&format!("val/images/{name}")), tiny.file(&format!("val/{id}/images/{name}"))).unwrap();
    }
    fs::remove_dir_all(tiny.file("val/images")).unwrap();
    fs::remove_file(tiny.file("val/val_annotations.txt")).unwrap();
    let corpus = tiny.open();
    assert_eq!(corpus.labels().iter().rev().take(2).map(|label| label.0).collect::<Vec<_>>(), [2, 0]);
    let unknown = sample("tiny_imagenet");
    fs::write(unknown.file("val/val_annotations.txt"), "val_0.JPEG\tn77\t0\t0\t1\t1\n").unwrap();
    assert!(unknown.error().contains("n77"), "{}", unknown.error());
}

#[test]
fn gtsrb_takes_labels_of_test_images_from_its_table() {
    let gtsrb = sample("gtsrb");
    let account = gtsrb.check().account().clone();
    assert_eq!(account.lost(), 0, "{account:?}");
    let table = "GT-final_test.csv";
    fs::write(gtsrb.file(table), "Filename;Width;ClassId\n00000.ppm;53;43\n").unwrap();
    assert!(gtsrb.error().contains("label 43, expected 0 to 42"), "{}", gtsrb.error());
    fs::write(gtsrb.file(table), "Filename;Width;ClassId\n00000.ppm;53\n").unwrap();
    assert!(gtsrb.error().contains("2 columns in line 2"), "{}", gtsrb.error());
    fs::remove_file(gtsrb.file(table)).unwrap();
    let account = gtsrb.open().account().clone();
    assert_eq!(account.count(Reason::Unlabelled), 2, "{account:?}");
}

#[test]
fn pets_flowers_and_food_follow_their_lists() {
    let pets = sample("pets");
    let account = pets.check().account().clone();
    // No list names an image; a file beside the images and a mask are none.
    assert_eq!((account.count(Reason::Unlabelled), account.count(Reason::NotAnImage)), (1, 2), "{account:?}");
    fs::remove_file(pets.file("images/Abyssinian_1.jpg")).unwrap();
    assert_eq!(pets.open().account().count(Reason::Unreadable), 1, "an image that a list names is missing");
    fs::write(pets.file("annotations/test.txt"), "Abyssinian_100 2 1 1\n").unwrap();
    assert!(pets.error().contains("Abyssinian as class 2"), "{}", pets.error());

    let flowers = sample("flowers");
    assert_eq!(flowers.check().account().count(Reason::OtherSplit), 1);
    let valid = Reading { test_from: Some("valid".to_owned()), ..Reading::default() };
    let valid = Corpus::open_with(&flowers.path, &OpenOptions { reading: valid, ..OpenOptions::default() }).unwrap();
    assert_eq!(valid.labels().iter().map(|label| label.0).collect::<Vec<_>>(), [1, 0, 2]);
    fs::write(flowers.file("corpus.toml"), "classes = [\"one\"]\n").unwrap();
    assert!(flowers.error().contains("expected 1 to 1"), "{}", flowers.error());
    fs::write(flowers.file("corpus.toml"), "classes = one\n").unwrap();
    assert!(flowers.error().contains("corpus.toml"), "{}", flowers.error());

    let food = sample("food");
    assert_eq!(food.check().account().count(Reason::Unlabelled), 1);
    fs::write(food.file("meta/train.txt"), "pizza/1\n").unwrap();
    assert!(food.error().contains("pizza/1"), "{}", food.error());
}

#[test]
fn parquet_tables_are_read_by_their_description_or_without() {
    let described = sample("parquet").check();
    assert_eq!(described.account().count(Reason::Unlabelled), 3, "test labels are -1: {:?}", described.account());
    let words = sample("parquet_words").check();
    let account = words.account();
    assert_eq!((account.count(Reason::Unlabelled), account.count(Reason::Unreadable)), (1, 1), "{account:?}");
    let alone = sample("parquet_words");
    assert_eq!(Corpus::open(&alone.file("train.parquet")).unwrap().len(), 2);
}

#[test]
fn broken_parquet_files_are_reported() {
    let file = "data/train-00001-of-00002.parquet";
    let whole = fs::read(sample("parquet").file(file)).unwrap().len();
    for length in (0..whole).step_by(41) {
        let cut = sample("parquet");
        cut.change(file, |bytes| bytes.truncate(length));
        assert!(cut.error().contains("train-00001"), "{length}: {}", cut.error());
    }
    for at in (0..whole).step_by(5) {
        let changed = sample("parquet");
        changed.change(file, |bytes| bytes[at] ^= 0xff);
        let _ = Corpus::open(&changed.path);
    }
}
