use std::io;

use super::file::failed;
use super::*;

fn record(image: u32, verdict: Verdict) -> ReviewRecord {
    ReviewRecord {
        corpus: "c0ffee".into(),
        image,
        verdict,
        label: "cat".into(),
        suggestion: Some("dog".into()),
        path: format!("{image}.png"),
        at_s: 1,
    }
}

fn run_in(folder: &Path) -> PathBuf {
    let run = folder.join("a run");
    std::fs::create_dir(&run).unwrap();
    run
}

#[test]
fn verdicts_are_stored_beside_the_run_and_withdrawn() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path());
    let file = LabelReviewFile::beside(&run).unwrap();
    assert_eq!(file.name(), "a run.review.json");
    assert!(file.read().unwrap().is_empty());
    file.withdraw("c0ffee", 3).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written where nothing changes");
    for image in [7, 3, 5] {
        file.set(record(image, Verdict::Right)).unwrap();
    }
    file.set(record(5, Verdict::Wrong)).unwrap();
    file.set(ReviewRecord { corpus: "another".into(), ..record(5, Verdict::Unclear) }).unwrap();
    let found: Vec<_> = file.read().unwrap().into_iter().map(|one| (one.corpus, one.image, one.verdict)).collect();
    let expected = [
        ("another", 5, Verdict::Unclear),
        ("c0ffee", 3, Verdict::Right),
        ("c0ffee", 5, Verdict::Wrong),
        ("c0ffee", 7, Verdict::Right),
    ];
    assert_eq!(found, expected.map(|(corpus, image, verdict)| (corpus.to_owned(), image, verdict)));
    file.withdraw("c0ffee", 5).unwrap();
    assert_eq!(file.read().unwrap().len(), 3);
    let text = std::fs::read_to_string(folder.path().join("a run.review.json")).unwrap();
    assert_eq!(text.lines().count(), 5, "a line for each: {text}");
    assert!(std::fs::read_dir(&run).unwrap().next().is_none(), "the run itself is not touched");
    file.delete();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn concurrent_writers_lose_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let run = &run;
            scope.spawn(move || {
                // Each opens the file for itself, as another process does.
                let file = LabelReviewFile::beside(run).unwrap();
                for image in 0..10 {
                    file.set(record(10 * writer + image, Verdict::Wrong)).unwrap();
                }
            });
        }
    });
    let images: Vec<_> = LabelReviewFile::beside(&run).unwrap().read().unwrap().iter().map(|one| one.image).collect();
    assert_eq!(images, (0..40).collect::<Vec<_>>());
}

#[test]
fn a_damaged_or_newer_file_is_reported_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = LabelReviewFile::beside(&run_in(folder.path())).unwrap();
    let path = folder.path().join("a run.review.json");
    for (text, expected) in [
        ("", "cannot be read"),
        ("{\"version\": 1, \"verdicts\": [{}]}", "missing field"),
        ("{\"version\": 1, \"verdicts\": [", "EOF"),
        ("{\"version\": 2, \"something\": 0}", "format 2"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = file.set(record(1, Verdict::Right)).unwrap_err();
        assert!(error.status() == 422 && error.to_string().contains(expected), "{text}: {error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn merged_by_hand_the_later_verdict_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = LabelReviewFile::beside(&run_in(folder.path())).unwrap();
    let of = |image, verdict, at_s| serde_json::to_string(&ReviewRecord { at_s, ..record(image, verdict) }).unwrap();
    let lines = [of(9, Verdict::Unclear, 5), of(4, Verdict::Wrong, 8), of(4, Verdict::Right, 2)];
    let text = format!("{{\"version\": 1, \"verdicts\": [{}]}}", lines.join(","));
    std::fs::write(folder.path().join("a run.review.json"), text).unwrap();
    let found: Vec<_> = file.read().unwrap().into_iter().map(|one| (one.image, one.verdict)).collect();
    assert_eq!(found, [(4, Verdict::Wrong), (9, Verdict::Unclear)]);
}

#[test]
fn a_folder_that_cannot_be_written_is_a_clear_refusal() {
    for (kind, status, expected) in [
        (io::ErrorKind::PermissionDenied, 403, "may not use x.review.json"),
        (io::ErrorKind::ReadOnlyFilesystem, 403, "read-only"),
        (io::ErrorKind::StorageFull, 507, "no space"),
        (io::ErrorKind::Other, 500, "x.review.json"),
    ] {
        let error = failed("x.review.json", &io::Error::from(kind));
        assert!(error.status() == status && error.to_string().contains(expected), "{error}");
    }
    let root = LabelReviewFile::beside(Path::new("/")).err().unwrap();
    assert!(root.status() == 422 && root.to_string().contains("no place beside it"), "{root}");
}
