//! `corpus list` and `corpus fetch` of the built binary; files are fetched from local copies (`--from`).
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;

use fixture::Fixture;

const DESCRIPTION: &str = r#"
name = "mine"
title = "My animals"
layout = "cifar10-binary"
licence = "to look at, not to sell"
note = "there are few"
class_count = 2

[[file]]
addresses = ["http://localhost:1/batches.meta.txt"]
md5 = "c9a689574e0e69c2933a7fead321993a"

[[file]]
addresses = ["http://localhost:1/data_batch_1.bin"]
bytes = 24_584
sha256 = "b3b37e6c7db7e0797d6d80e4ec6445712b85cb1a716ccb03bd332722bc747bf7"

[[file]]
addresses = ["http://localhost:1/test_batch.bin"]
bytes = 12_292
md5 = "435cf075fd1b227884cceca5d870aa7b"
sha256 = "469cc924dfcc4abfcda135507b79bd5bb1dacf7fa2335bce53eded3144dfa06e"
"#;

/// A batch file in CIFAR-10's binary format: images of one grey value, labelled 0 and 1 in turn.
fn batch(images: u8, value: u8) -> Vec<u8> {
    (0..images).flat_map(|image| [vec![image % 2], vec![value; 3_072]].concat()).collect()
}

/// A fixture with a corpus description in `mine.toml` and copies of its files in `copies`.
fn fixture_with_copies() -> Fixture {
    let fixture = Fixture::new();
    let copies = fixture.path("copies");
    fs::create_dir(&copies).unwrap();
    fs::write(fixture.path("mine.toml"), DESCRIPTION).unwrap();
    fs::write(copies.join("batches.meta.txt"), "cat\ndog\n").unwrap();
    fs::write(copies.join("data_batch_1.bin"), batch(8, 10)).unwrap();
    fs::write(copies.join("test_batch.bin"), batch(4, 20)).unwrap();
    fixture
}

#[test]
fn built_in_corpora_are_listed() {
    let fixture = Fixture::new();
    let table = fixture.run(&["corpus", "list"]).expect_good().stdout;
    for part in ["licence", "fashion-mnist", "Oxford-IIIT Pet", "73,257", "4.7 GiB", "CC BY-SA 4.0"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let list = fixture.run(&["corpus", "list", "--json"]).expect_good();
    let list: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    let corpora = list["corpora"].as_array().unwrap();
    assert_eq!(corpora.len(), 17);
    let svhn = corpora.iter().find(|corpus| corpus["name"] == "svhn").unwrap();
    assert_eq!((&svhn["splits"]["test"], &svhn["classes"]), (&26_032.into(), &10.into()));
    assert_eq!(svhn["optional"][0], "extra_32x32.mat");
}

#[test]
fn a_described_corpus_is_fetched_and_opened() {
    let fixture = fixture_with_copies();
    let fetched = fixture.run(&["corpus", "fetch", "mine.toml", "--out", "out", "--from", "copies"]).expect_good();
    for part in ["My animals is in out/mine", "licence: to look at, not to sell", "note: there are few"] {
        assert!(fetched.stdout.contains(part), "{part}: {}", fetched.stdout);
    }
    let info = fixture.run(&["corpus", "info", "out/mine", "--json"]).expect_good();
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    assert_eq!((&info["train"], &info["test"]), (&8.into(), &4.into()));
    assert_eq!(info["classes"][1]["name"], "dog");
    // A second fetch finds all files and makes no request.
    let second = fixture.run(&["corpus", "fetch", "mine.toml", "--out", "out", "--json"]).expect_good();
    assert_eq!(second.events()[0]["event"], "fetched");
    assert_eq!(second.events()[0]["licence"], "to look at, not to sell");
}

#[test]
fn fetch_errors_are_reported() {
    let fixture = fixture_with_copies();
    let unknown = fixture.run(&["corpus", "fetch", "cifar11", "--out", "out"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("cifar11") && unknown.stderr.contains("kmnist"), "{}", unknown.stderr);
    fs::write(fixture.path("copies/test_batch.bin"), batch(4, 21)).unwrap();
    fixture.run(&["corpus", "fetch", "mine.toml", "--out", "out", "--from", "copies"]).expect_error(&[
        "My animals",
        "SHA-256",
        "469cc924dfcc4abfcda135507b79bd5bb1dacf7fa2335bce53eded3144dfa06e",
        "test_batch.bin",
    ]);
    assert_eq!(fs::read_dir(fixture.path("out")).unwrap().count(), 0);
    fixture
        .run(&["corpus", "fetch", "mine.toml", "--out", "out", "--with", "more.bin"])
        .expect_error(&["more.bin", "none"]);
    fixture.run(&["corpus", "fetch", "svhn", "--out", "out", "--with", "more.bin"]).expect_error(&["extra_32x32.mat"]);
    fs::write(fixture.path("mine.toml"), DESCRIPTION.replace("licence", "license")).unwrap();
    fixture.run(&["corpus", "fetch", "mine.toml", "--out", "out"]).expect_error(&["mine.toml", "line 5", "license"]);
    fixture.run(&["corpus", "fetch", "nowhere.toml", "--out", "out"]).expect_error(&["nowhere.toml"]);
}
