//! Uploads are apart until they are complete, and can be deleted again.

use super::*;
use crate::runs::upload_record::corpus_of_upload;

const MAX_BYTES: u64 = 10 * BLOCK_BYTES;

/// Publishes an upload of files of the given sizes in bytes.
fn publish(uploads: &UploadFolder, kind: UploadKind, name: &str, files: &[u64]) -> Result<PathBuf, ApiError> {
    let (staging, reservation) = (uploads.staging()?, uploads.reserve());
    for (number, bytes) in files.iter().enumerate() {
        reservation.file(*bytes)?;
        fs::write(staging.path().join(number.to_string()), vec![1; *bytes as usize]).unwrap();
    }
    let target = uploads.path_for_new(kind, name)?;
    uploads.publish(kind, staging.path(), &target, &reservation)?;
    Ok(target)
}

fn names(folder: &Path) -> Vec<String> {
    folders_in(folder).iter().map(|path| name_of(path)).collect()
}

#[test]
fn an_upload_is_listed_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let uploads = UploadFolder::new(folder.path(), MAX_BYTES).unwrap();
    fs::create_dir(folder.path().join("by-hand")).unwrap();
    publish(&uploads, UploadKind::Run, "b", &[5, 0]).unwrap();
    publish(&uploads, UploadKind::Run, "a", &[BLOCK_BYTES + 1]).unwrap();
    let corpus = publish(&uploads, UploadKind::Corpus, "a", &[1]).unwrap();
    assert_eq!(corpus, folder.path().join("corpora/a"));
    let listed = uploads.list();
    let brief: Vec<_> = listed.iter().map(|upload| (upload.kind, upload.name.as_str(), upload.bytes)).collect();
    let expected = [
        (UploadKind::Run, "a", 2 * BLOCK_BYTES),
        (UploadKind::Run, "b", 2 * BLOCK_BYTES),
        (UploadKind::Corpus, "a", BLOCK_BYTES),
    ];
    assert_eq!(brief, expected);
    assert_eq!(uploads.usage(), (5 * BLOCK_BYTES, MAX_BYTES));
    // A server that starts again knows as much.
    drop(uploads);
    let uploads = UploadFolder::new(folder.path(), MAX_BYTES).unwrap();
    assert_eq!((uploads.list(), uploads.usage()), (listed, (5 * BLOCK_BYTES, MAX_BYTES)));

    for (kind, name) in
        [(UploadKind::Run, "by-hand"), (UploadKind::Run, "corpora"), (UploadKind::Corpus, "b"), (UploadKind::Run, "..")]
    {
        let error = uploads.unpublish(kind, name).map(drop).unwrap_err();
        assert!([400, 404].contains(&error.status().as_u16()), "{name}: {error}");
    }
    let (was, rest) = uploads.unpublish(UploadKind::Run, "a").unwrap();
    assert_eq!(was, folder.path().join("a"));
    rest.close().unwrap();
    assert_eq!(names(folder.path()), [".uploads", "b", "by-hand", "corpora"]);
    assert_eq!(names(&folder.path().join("corpora")), ["a"]);
    assert_eq!(uploads.usage().0, 3 * BLOCK_BYTES);
}

#[test]
fn all_uploads_together_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let uploads = UploadFolder::new(folder.path(), MAX_BYTES).unwrap();
    publish(&uploads, UploadKind::Run, "a", &[0; 8]).unwrap();
    let error = publish(&uploads, UploadKind::Run, "b", &[0; 3]).unwrap_err();
    assert_eq!(error.status().as_u16(), 413);
    assert_eq!(uploads.usage().0, 8 * BLOCK_BYTES, "what did not fit is given back");
    assert_eq!(uploads.reserve().file(u64::MAX).unwrap_err().status().as_u16(), 413);
    publish(&uploads, UploadKind::Run, "b", &[0; 2]).unwrap();
    assert_eq!(uploads.usage(), (MAX_BYTES, MAX_BYTES));
}

#[test]
fn what_a_killed_server_left_goes_when_the_next_starts() {
    let folder = tempfile::tempdir().unwrap();
    for left in [".uploads/abc", ".upload-xyz"] {
        fs::create_dir_all(folder.path().join(left)).unwrap();
        fs::write(folder.path().join(left).join("run.toml"), "x").unwrap();
    }
    fs::create_dir(folder.path().join(".mine")).unwrap();
    let uploads = UploadFolder::new(folder.path(), MAX_BYTES).unwrap();
    assert_eq!(names(folder.path()), [".mine", ".uploads"]);
    assert_eq!(names(&folder.path().join(STAGING)), [""; 0]);
    // One that still runs is left alone, and so is what it unpacks.
    let _aside = uploads.staging().unwrap();
    let refused = UploadFolder::new(folder.path(), MAX_BYTES).err().unwrap();
    assert!(refused.to_string().contains("another server"), "{refused}");
    assert_eq!(names(&folder.path().join(STAGING)).len(), 1);
}

#[test]
fn an_uploaded_run_finds_its_corpus_among_the_uploads_only() {
    let folder = tempfile::tempdir().unwrap();
    let uploads = UploadFolder::new(folder.path(), MAX_BYTES).unwrap();
    let run = publish(&uploads, UploadKind::Run, "run", &[1]).unwrap();
    let by_hand = folder.path().join("by-hand");
    fs::create_dir_all(&by_hand).unwrap();
    assert_eq!(corpus_of_upload(&by_hand, Path::new("/any/where")), None, "one's own run may name any folder");
    fs::create_dir_all(folder.path().join("corpora/secret")).unwrap();
    for recorded in ["/etc", "secret", "corpora/secret", "../..", "/", ""] {
        let found = corpus_of_upload(&run, Path::new(recorded)).unwrap();
        assert!(!found.exists(), "{recorded}: {}", found.display());
    }
    fs::write(run.join(RECORD), "").unwrap();
    assert!(corpus_of_upload(&run, Path::new("/etc")).is_some_and(|path| !path.exists()), "a torn record is one");
    let corpus = publish(&uploads, UploadKind::Corpus, "shapes", &[1]).unwrap();
    assert_eq!(corpus_of_upload(&run, Path::new("/srv/other/shapes")), Some(corpus));
}
