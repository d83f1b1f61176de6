//! Archives that are refused: what is no archive, what is not whole, what is no run.

use super::fixture::{images, write_run};
use super::upload_store::{Store, plain_tar_of, tar_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_that_is_understood_is_named() {
    let store = Store::new();
    for (head, words) in [
        (&b"\xfd7zXZ\x00"[..], "an xz archive"),
        (b"BZh9", "a bzip2 archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07\x00", "a rar archive"),
        (b"SQLite format 3", "an SQLite database"),
        (b"--------------------------x", "a form"),
        (b"\x89PNG\r\n", "no tar, tar.gz or zip"),
        (b"PK\x03\x04", "zip is damaged"),
    ] {
        for kind in ["runs", "corpora"] {
            let answer = store.put(&format!("/api/uploads/{kind}/x"), [head, &[7; 2000]].concat()).await;
            assert_eq!(answer.status, 400, "{words}: {:?}", answer.body);
            let problem = answer.json();
            assert!(problem["detail"].as_str().unwrap().contains(words), "{words}: {problem}");
            assert!(problem["hint"].as_str().unwrap().contains(".tar.gz or .zip"), "{problem}");
        }
    }
    assert!(store.names().iter().all(|name| name == "corpora"), "{:?}", store.names());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_never_seen() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    let whole = tar_of(&run, ".");
    let snapshot = run.join("snapshots/000005.safetensors");
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&snapshot, bytes).unwrap();
    let flipped = tar_of(&run, ".");
    for (name, body, status) in [
        ("flipped", flipped, 422),
        ("cut", whole[..whole.len() / 2].to_vec(), 400),
        ("nothing", Vec::new(), 400),
        ("nonsense", b"nonsense".repeat(200), 400),
        ("pictures", tar_of(&images(), "."), 422),
        (".hidden", whole.clone(), 400),
        ("a%2Fb", whole.clone(), 400),
        ("corpora", whole.clone(), 400),
        ("run.toml", whole.clone(), 400),
    ] {
        let answer = store.put(&format!("/api/uploads/runs/{name}"), body).await;
        assert_eq!(answer.status, status, "{name}: {:?}", answer.body);
        assert_eq!(store.names(), [""; 0], "{name}");
    }
    assert_eq!(store.put("/api/uploads/runs/good", whole.clone()).await.status, 201);
    assert_eq!(store.put("/api/uploads/runs/good", whole).await.status, 409);
    let answer = store.put("/api/uploads/corpora/run", tar_of(&run, ".")).await;
    assert_eq!(answer.status, 422, "{:?}", answer.body);
    assert!(!String::from_utf8_lossy(&answer.body).contains(".upload-"), "{:?}", answer.body);
}

/// An archive that was cut between two files, at every one of its blocks; a gzip without its checksum, with
/// another, and with something behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_not_whole_is_refused() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    let whole = plain_tar_of(&run);
    let mut archive = tar::Archive::new(&whole[..]);
    let mut ends = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        ends.push((entry.raw_file_position() + entry.size().next_multiple_of(512)) as usize);
    }
    ends.push(whole.len() - 512);
    for end in ends {
        let answer = store.put("/api/uploads/runs/cut", whole[..end].to_vec()).await;
        assert_eq!(answer.status, 400, "cut at {end}: {:?}", answer.body);
        assert!(answer.json()["detail"].as_str().unwrap().contains("cut short"), "{:?}", answer.body);
    }
    let packed = tar_of(&run, ".");
    let mut wrong = packed.clone();
    let sum = packed.len() - 8;
    wrong[sum] ^= 1;
    let cut = packed[..packed.len() - 9].to_vec();
    for (body, what) in [(wrong, "sum"), (cut, "cut"), ([&packed[..], b"garbage"].concat(), "more")] {
        let answer = store.put("/api/uploads/runs/gzip", body).await;
        assert_eq!(answer.status, 400, "{what}: {:?}", answer.body);
    }
    assert_eq!(store.names(), [""; 0]);
    // Programs pad a tar to whole records.
    assert_eq!(store.put("/api/uploads/runs/padded", [whole, vec![0; 10_240]].concat()).await.status, 201);
}
