use deepviz_net::random::Stream;

use super::*;

/// More than two chunks, the last one short.
const IMAGES: usize = 1100;
const FIRST: u32 = 70;

/// A store of its own over the same file; which does not know the run's snapshots.
fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path()).unwrap()
}

/// Puts a ready unit with made-up predictions in place of what there is of it.
fn put(store: &Store, step: u64, snapshot: &str, seed: u64) {
    let (classes, margins) = (Stream::new(seed, &[0]), Stream::new(seed, &[1]));
    let mut bytes: Vec<u8> = (0..IMAGES).map(|image| classes.below(image as u64, 3) as u8).collect();
    for image in 0..IMAGES {
        let margin = margins.below(image as u64, 65_535) as i32 - 32_767;
        bytes.extend((margin as i16).to_le_bytes());
    }
    store
        .with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM unit WHERE step = ?1 AND split = 'train'", [step as i64])?;
            let insert =
                "INSERT INTO unit (step, split, state, snapshot_hash, corpus_hash, classes, first_image, images,
                                            version)
                          VALUES (?1, 'train', 'ready', ?2, 'corpus', 3, ?3, ?4, '0')";
            transaction.execute(insert, params![step as i64, snapshot, FIRST, IMAGES as i64])?;
            let unit = transaction.last_insert_rowid();
            let insert = "INSERT INTO prediction (unit_id, data) VALUES (?1, ?2)";
            transaction.execute(insert, params![unit, pack::seal(bytes)])?;
            Ok(transaction.commit()?)
        })
        .unwrap();
}

/// Five checkpoints.
fn filled() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    (0..5).for_each(|index| put(&store, 10 * index, "a", index));
    (folder, store)
}

fn is_ready(store: &Store) -> bool {
    store.example_stats_of_image(Split::Train, ImageId(FIRST)).unwrap().is_some()
}

fn rows(store: &Store, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    store.with("read", |connection| Ok(connection.query_row(&sql, [], |row| row.get(0))?)).unwrap()
}

#[test]
fn what_is_stored_is_what_is_computed_whole_and_image_by_image() {
    let (folder, store) = filled();
    assert!(!is_ready(&store));
    let computed = store.example_stats(Split::Train).unwrap();
    assert_eq!((computed.steps.len(), computed.examples.len()), (5, IMAGES));
    assert!(computed.examples.iter().any(|e| e.learned.is_none()) && computed.examples.iter().any(|e| e.flips == 4));
    store.write_example_stats().unwrap();
    assert!(is_ready(&store));
    assert_eq!(rows(&store, "ledger_part"), 3);
    let reader = Store::open_read_only(folder.path()).unwrap().unwrap();
    assert_eq!(reader.example_stats(Split::Train).unwrap(), computed);
    for position in [0, 1, 511, 512, 1023, 1024, IMAGES - 1] {
        let found = reader.example_stats_of_image(Split::Train, ImageId(FIRST + position as u32)).unwrap().unwrap();
        assert_eq!((&found.steps, &found.examples[..]), (&computed.steps, &computed.examples[position..=position]));
    }
    for outside in [0, FIRST - 1, FIRST + IMAGES as u32, u32::MAX] {
        let found = reader.example_stats_of_image(Split::Train, ImageId(outside)).unwrap().unwrap();
        assert_eq!((found.steps.len(), &found.examples[..]), (5, &[] as &[Example]));
    }
    // The other split has no units, hence no statistics.
    assert!(reader.example_stats_of_image(Split::Test, ImageId(0)).unwrap().is_none());
    assert_eq!(reader.example_stats(Split::Test).unwrap(), ExampleStats::default());
}

#[test]
fn they_go_when_a_unit_comes_goes_or_changes() {
    let (_folder, store) = filled();
    let changes: [&dyn Fn(); 4] = [
        &|| put(&store, 20, "a", 77),
        &|| put(&store, 50, "a", 5),
        &|| {
            let delete = "DELETE FROM unit WHERE step = 30";
            store.with("write", |connection| Ok(connection.execute(delete, []).map(|_| ())?)).unwrap();
        },
        &|| {
            let update = "UPDATE prediction SET data = (SELECT max(data) FROM prediction)";
            store.with("write", |connection| Ok(connection.execute(update, []).map(|_| ())?)).unwrap();
        },
    ];
    let mut before = store.example_stats(Split::Train).unwrap();
    for change in changes {
        store.write_example_stats().unwrap();
        assert!(is_ready(&store));
        change();
        assert!(!is_ready(&store));
        assert_eq!((rows(&store, "ledger"), rows(&store, "ledger_part")), (0, 0));
        let now = store.example_stats(Split::Train).unwrap();
        assert_ne!(now, before);
        store.write_example_stats().unwrap();
        assert_eq!(store.example_stats(Split::Train).unwrap(), now);
        before = now;
    }
}

#[test]
fn statistics_of_other_units_than_are_shown_are_refused() {
    let (folder, store) = filled();
    store.write_example_stats().unwrap();
    // This one knows that the snapshot of step 20 has been replaced.
    let other = open(&folder);
    let snapshots = [(Step(20), "b".to_owned())].into();
    *other.expected.lock().unwrap() =
        Some(super::super::database::Expected { snapshots, corpus: "corpus".to_owned(), classes: 3, images: 1170 });
    assert!(!is_ready(&other) && is_ready(&store));
    let stats = other.example_stats(Split::Train).unwrap();
    assert_eq!(stats.steps, [0, 10, 30, 40].map(Step));
    other.write_example_stats().unwrap();
    assert!(is_ready(&other) && !is_ready(&store));
    assert_eq!(other.example_stats(Split::Train).unwrap(), stats);
    assert_eq!(store.example_stats(Split::Train).unwrap().steps.len(), 5);
}

#[test]
fn writers_at_the_same_time_do_no_harm() {
    let (folder, store) = filled();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let folder = &folder;
            scope.spawn(move || {
                let store = open(folder);
                for round in 0..8 {
                    put(&store, 10 * writer, "a", 100 * writer + round);
                    store.write_example_stats().unwrap();
                    // Whatever the others do meanwhile, they are the statistics of five whole units.
                    let stats = store.example_stats(Split::Train).unwrap();
                    assert_eq!((stats.steps.len(), stats.examples.len()), (5, IMAGES));
                }
            });
        }
    });
    store.write_example_stats().unwrap();
    let written = store.example_stats(Split::Train).unwrap();
    store.with("write", |connection| Ok(connection.execute("DELETE FROM ledger", []).map(|_| ())?)).unwrap();
    assert_eq!(store.example_stats(Split::Train).unwrap(), written);
}

#[test]
fn a_writer_that_dies_midway_leaves_what_there_was() {
    let (folder, store) = filled();
    let computed = store.example_stats(Split::Train).unwrap();
    let dying = open(&folder);
    dying
        .with("write", |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sources = dying.sources(&transaction, Split::Train)?;
            let records = dying.tally(&transaction, &sources)?;
            write(&transaction, &sources, &records[..IMAGES / 2])?;
            // Others read on while it writes, and see nothing of it. Then it is gone without a commit.
            assert!(!is_ready(&store));
            Ok(())
        })
        .unwrap();
    assert_eq!(rows(&store, "ledger_part"), 0);
    assert_eq!(store.example_stats(Split::Train).unwrap(), computed);
    store.write_example_stats().unwrap();
    assert!(is_ready(&store));
}

#[test]
fn damage_is_an_error_and_never_a_number() {
    let (_folder, store) = filled();
    for (damage, what) in [
        ("UPDATE ledger_part SET data = (SELECT data FROM prediction LIMIT 1) WHERE chunk = 0", "another blob"),
        ("DELETE FROM ledger_part WHERE chunk = 0", "a missing chunk"),
        ("DELETE FROM ledger_part WHERE chunk = 2", "a missing last chunk"),
        ("UPDATE ledger_part SET chunk = 7 WHERE chunk = 0", "a chunk out of place"),
        ("UPDATE ledger_part SET data = substr(data, 2) WHERE chunk = 0", "a cut chunk"),
    ] {
        store.write_example_stats().unwrap();
        store.with("write", |connection| Ok(connection.execute(damage, []).map(|_| ())?)).unwrap();
        assert!(matches!(store.example_stats(Split::Train), Err(Error::Corrupt { .. })), "{what}");
        let image = if what.contains("last") { FIRST + IMAGES as u32 - 1 } else { FIRST };
        assert!(
            matches!(store.example_stats_of_image(Split::Train, ImageId(image)), Err(Error::Corrupt { .. })),
            "{what}"
        );
        store.with("write", |connection| Ok(connection.execute("DELETE FROM ledger", []).map(|_| ())?)).unwrap();
    }
}
