//! Files that are damaged, foreign, of another version, or not to be written.

use deepviz_corpus::{ImageId, Split};
use deepviz_fixtures::TinyRun;
use deepviz_net::Step;
use deepviz_stats::{Error, FILE_NAME, Metric, Store};
use rusqlite::Connection;

#[test]
fn without_computed_statistics_nothing_is_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Store::open_read_only(folder.path()).unwrap().is_none());
    assert!(Store::open(folder.path()).unwrap().units().unwrap().is_empty());
    assert!(Store::open_read_only(folder.path()).unwrap().is_some());
}

#[test]
fn the_error_for_a_file_that_is_no_database_suggests_to_delete_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), "statistics, supposedly; not even a database. ".repeat(50)).unwrap();
    for error in [Store::open(folder.path()).unwrap_err(), Store::open_read_only(folder.path()).unwrap_err()] {
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("delete") && text.contains("deepviz stats") && text.contains(FILE_NAME), "{text}");
    }
}

#[test]
fn a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for error in [Store::open(folder.path()).unwrap_err(), Store::open_read_only(folder.path()).unwrap_err()] {
        assert!(matches!(error, Error::Newer { found: 99, .. }), "{error:?}");
        assert!(error.to_string().contains("newer deepViz"));
    }
}

#[test]
fn an_older_version_is_upgraded_or_refused_with_a_hint() {
    let fixture = TinyRun::with_snapshots(&[0]);
    let connection = Connection::open(fixture.database()).unwrap();
    connection.execute_batch(include_str!("../../../../migrations/0001_units.sql")).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.pragma_update(None, "application_id", 0x6456_6973).unwrap();
    drop(connection);
    let error = Store::open_read_only(&fixture.path()).unwrap_err();
    assert!(matches!(error, Error::Older { found: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("deepviz stats"));
    assert_eq!(fixture.compute().computed, 2);
    let store = Store::open_read_only(&fixture.path()).unwrap().unwrap();
    assert!(store.clusters(Step(0), Split::Test, "fc10", Metric::Euclidean).unwrap().is_some());
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text TEXT);").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(folder.path()).unwrap_err(), Error::Foreign { .. }));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn flipped_bits_are_errors_and_never_numbers() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    fixture.compute();
    let path = fixture.database();
    Connection::open(&path).unwrap().pragma_update(None, "wal_checkpoint", "truncate").unwrap();
    let whole = std::fs::read(&path).unwrap();
    let read = || -> Result<String, Error> {
        let store = Store::open_read_only(&fixture.path())?.unwrap();
        let logits = store.logits(Step(12), Split::Test)?;
        let confusion = store.confusions(Split::Test)?;
        let clusters = store.clusters(Step(12), Split::Test, "fc10", Metric::Euclidean)?;
        let history = store.history(ImageId(350))?;
        let top = store.top(Step(12), Split::Test, "conv1", 2)?;
        let activity = store.activity(Step(12), Split::Test, "relu1")?;
        let (examples, weights) = (store.example_stats(Split::Test)?, store.weights()?);
        Ok(format!("{logits:?} {confusion:?} {clusters:?} {history:?} {top:?} {activity:?} {examples:?} {weights:?}"))
    };
    let expected = read().unwrap();
    let (mut errors, mut same) = (0, 0);
    for index in (100..whole.len()).step_by(whole.len() / 250) {
        let mut damaged = whole.clone();
        damaged[index] ^= 0x10;
        std::fs::write(&path, damaged).unwrap();
        match read() {
            Ok(numbers) if numbers == expected => same += 1,
            // A damaged hash, step or name makes a unit or set stale or absent: a gap, not a wrong number.
            Ok(numbers) => assert!(numbers.contains("None") || numbers.len() < expected.len(), "byte {index}"),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 10 && same > 10, "{errors} errors, {same} untouched");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = read().unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
}

#[test]
fn a_folder_that_cannot_be_written_can_still_be_read() {
    let fixture = TinyRun::with_snapshots(&[0]);
    fixture.compute();
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(fixture.database(), copy.path().join(FILE_NAME)).unwrap();
    let mut permissions = std::fs::metadata(copy.path()).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(copy.path(), permissions).unwrap();
    let store = Store::open_read_only(copy.path()).unwrap().unwrap();
    assert!(store.confusion(Step(0), Split::Test).unwrap().is_some());
    // The temporary folder is deleted by its owner, who must be able to.
    let mut permissions = std::fs::metadata(copy.path()).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a folder of this test, about to be deleted")]
    permissions.set_readonly(false);
    std::fs::set_permissions(copy.path(), permissions).unwrap();
}
