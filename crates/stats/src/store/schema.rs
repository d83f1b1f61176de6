//! The schema and its versions: numbered SQL files, each applied once and in order.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

/// The SQL files; the position is the version that a file leads to, less one. Published files never change.
const FILES: &[&str] = &[
    include_str!("../../../../migrations/0001_units.sql"),
    include_str!("../../../../migrations/0002_clusters.sql"),
    include_str!("../../../../migrations/0003_dense.sql"),
    include_str!("../../../../migrations/0004_standardised.sql"),
    include_str!("../../../../migrations/0005_ledger.sql"),
    include_str!("../../../../migrations/0006_image_spread.sql"),
    include_str!("../../../../migrations/0007_ablation.sql"),
];
/// From this version on, units are kept; the ones of before lack what was added then.
#[cfg(test)]
const KEPT_SINCE: usize = 3;

/// "dVis": marks the file as ours.
pub(super) const APPLICATION_ID: i32 = 0x6456_6973;

/// The version of a database that is up to date.
pub(super) fn latest() -> usize {
    FILES.len()
}

/// Brings the database to the latest version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), rusqlite_migration::Error> {
    Migrations::new(FILES.iter().map(|sql| M::up(sql).foreign_key_check()).collect()).to_latest(connection)
}

/// An empty database of a version, in memory.
pub(super) fn of_version(version: usize) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    for sql in FILES.iter().take(version) {
        connection.execute_batch(sql)?;
    }
    Ok(connection)
}

/// The version that the database has: 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_is_valid_sql() {
        let migrations = Migrations::new(FILES.iter().map(|sql| M::up(sql)).collect());
        migrations.validate().unwrap();
    }

    #[test]
    fn every_older_version_reaches_the_latest() {
        for from in 0..=latest() {
            let mut connection = Connection::open_in_memory().unwrap();
            for sql in &FILES[..from] {
                connection.execute_batch(sql).unwrap();
            }
            connection.pragma_update(None, "user_version", from as i64).unwrap();
            if from > 0 {
                let insert = "INSERT INTO unit (step, split, state, snapshot_hash, corpus_hash, problem, version)
                              VALUES (79, 'test', 'failed', 'a', 'b', 'why', '0.1.0')";
                connection.execute(insert, []).unwrap();
            }
            migrate(&mut connection).unwrap();
            assert_eq!(version(&connection).unwrap(), latest() as i64);
            let kept: i64 = connection.query_row("SELECT count(*) FROM unit", [], |r| r.get(0)).unwrap();
            assert_eq!(kept, i64::from(from >= KEPT_SINCE), "from version {from}");
            let sets: i64 = connection.query_row("SELECT count(*) FROM cluster_set", [], |r| r.get(0)).unwrap();
            assert_eq!(sets, 0);
        }
    }
}
