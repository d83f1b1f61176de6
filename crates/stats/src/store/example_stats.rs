//! The tables `ledger` and `ledger_part`: statistics of each example, read where they are stored, else computed from
//! the predictions of every checkpoint.

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::unit::UNIT_COLUMNS;
use crate::error::Error;
use crate::example_stats::{Example, ExampleStats, Record, Tally};
use crate::pack;

/// Images whose records are in one row of the database.
const CHUNK: usize = 512;

/// The units that example statistics are computed from.
struct Sources {
    split: Split,
    steps: Vec<Step>,
    /// Names these units.
    digest: blake3::Hash,
    first_image: ImageId,
    images: usize,
}

impl Store {
    /// The statistics of every example of a split; empty where no checkpoint has statistics.
    ///
    /// They are read where [`Store::write_example_stats`] has written them since the last unit came or went, else
    /// computed now from the predictions of all checkpoints.
    pub fn example_stats(&self, split: Split) -> Result<ExampleStats, Error> {
        self.with("read", |connection| {
            // One transaction, so that all of it is of one state of the database.
            let transaction = connection.transaction()?;
            let sources = self.sources(&transaction, split)?;
            let examples = match stored(&transaction, &sources)? {
                Some(examples) => examples,
                None => sources.examples(0, &self.tally(&transaction, &sources)?).collect(),
            };
            Ok(ExampleStats { steps: sources.steps, examples })
        })
    }

    /// The same of one image alone, without an example where the image is none of the split's; `None` where none
    /// are stored and [`Store::example_stats`] would compute them.
    pub fn example_stats_of_image(&self, split: Split, image: ImageId) -> Result<Option<ExampleStats>, Error> {
        self.with("read", |connection| {
            let transaction = connection.transaction()?;
            let sources = self.sources(&transaction, split)?;
            if !is_stored(&transaction, &sources)? {
                return Ok(None);
            }
            let index = image.0.checked_sub(sources.first_image.0).map(|index| index as usize);
            let Some(index) = index.filter(|&index| index < sources.images) else {
                return Ok(Some(ExampleStats { steps: sources.steps, examples: Vec::new() }));
            };
            let sql = "SELECT data FROM ledger_part WHERE split = ?1 AND chunk = ?2";
            let values = params![split.as_str(), (index / CHUNK) as i64];
            let blob = transaction.prepare_cached(sql)?.query_row(values, |row| row.get::<_, Vec<u8>>(0)).optional()?;
            let records: Vec<Record> = pack::numbers_from_blob(&blob.ok_or_else(|| broken(&sources))?)?;
            let record = records.get(index % CHUNK).ok_or_else(|| broken(&sources))?;
            let examples = sources.examples(index, std::slice::from_ref(record)).collect();
            Ok(Some(ExampleStats { steps: sources.steps, examples }))
        })
    }

    /// Stores the example statistics that are not stored, so that reading them takes little; each split in one
    /// transaction.
    pub fn write_example_stats(&self) -> Result<(), Error> {
        for split in Split::ALL {
            self.with("write", |connection| {
                // Looked at without keeping others from writing.
                let sources = self.sources(connection, split)?;
                if sources.steps.is_empty() || is_stored(connection, &sources)? {
                    return Ok(());
                }
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                // Units may have come and gone since, and another process may have written it.
                let sources = self.sources(&transaction, split)?;
                if sources.steps.is_empty() || is_stored(&transaction, &sources)? {
                    return Ok(());
                }
                let records = self.tally(&transaction, &sources)?;
                write(&transaction, &sources, &records)?;
                Ok(transaction.commit()?)
            })?;
        }
        Ok(())
    }

    fn sources(&self, connection: &Connection, split: Split) -> Result<Sources, Fault> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS} FROM unit JOIN prediction ON unit_id = unit.id
             WHERE split = ?1 AND state = 'ready' ORDER BY step"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([split.as_str()])?;
        let mut hasher = blake3::Hasher::new();
        let (mut steps, mut first_image, mut images) = (Vec::new(), ImageId(0), 0);
        while let Some(row) = rows.next()? {
            let Some(unit) = self.unit_from_row(row)? else { continue };
            let (snapshot, corpus): (String, String) = (row.get(2)?, row.get(3)?);
            // Each on a line of its own: a hash holds no line's end.
            hasher.update(format!("{} {} {}\n", unit.step.0, unit.first_image.0, unit.images).as_bytes());
            hasher.update(format!("{snapshot}\n{corpus}\n").as_bytes());
            steps.push(unit.step);
            (first_image, images) = (unit.first_image, unit.images);
        }
        Ok(Sources { split, steps, digest: hasher.finalize(), first_image, images })
    }

    /// The records of every image, from the predictions of one checkpoint after the other.
    fn tally(&self, connection: &Connection, sources: &Sources) -> Result<Vec<Record>, Fault> {
        let mut last = None;
        if let Some(&step) = sources.steps.last() {
            self.each_prediction(connection, sources.split, step..=step, |predictions| last = Some(predictions))?;
        }
        let Some(last) = last else { return Ok(Vec::new()) };
        let mut tally = Tally::new(&last, sources.steps.len());
        self.each_prediction(connection, sources.split, Step(0)..=last.step, |predictions| tally.add(predictions))?;
        Ok(tally.finish())
    }
}

impl Sources {
    /// The statistics of the images from this place of the split on.
    fn examples(&self, index: usize, records: &[Record]) -> impl Iterator<Item = Example> {
        let ids = self.first_image.0 + index as u32..;
        ids.zip(records).map(|(id, record)| record.example(ImageId(id), &self.steps))
    }
}

fn broken(sources: &Sources) -> Fault {
    Fault::Content(format!(
        "example statistics of the {} split that are not those of {} images",
        sources.split, sources.images
    ))
}

/// True when the statistics from these very units are stored.
fn is_stored(connection: &Connection, sources: &Sources) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM ledger WHERE split = ?1 AND digest = ?2";
    connection.prepare_cached(sql)?.exists(params![sources.split.as_str(), sources.digest.as_bytes()])
}

/// The statistics from these very units; `None` where they are not stored.
fn stored(connection: &Connection, sources: &Sources) -> Result<Option<Vec<Example>>, Fault> {
    if !is_stored(connection, sources)? {
        return Ok(None);
    }
    let mut statement =
        connection.prepare_cached("SELECT chunk, data FROM ledger_part WHERE split = ?1 ORDER BY chunk")?;
    let mut rows = statement.query([sources.split.as_str()])?;
    let mut examples = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? != (examples.len() / CHUNK) as i64 || !examples.len().is_multiple_of(CHUNK) {
            return Err(broken(sources));
        }
        let records: Vec<Record> = pack::numbers_from_blob(row.get_ref(1)?.as_blob().map_err(not_a_blob)?)?;
        examples.extend(sources.examples(examples.len(), &records));
    }
    if examples.len() != sources.images {
        return Err(broken(sources));
    }
    Ok(Some(examples))
}

/// Puts the records in place of those that exist.
fn write(connection: &Connection, sources: &Sources, records: &[Record]) -> rusqlite::Result<()> {
    let split = sources.split.as_str();
    connection.execute("DELETE FROM ledger WHERE split = ?1", [split])?;
    let insert = "INSERT INTO ledger (split, digest) VALUES (?1, ?2)";
    connection.execute(insert, params![split, sources.digest.as_bytes()])?;
    let mut insert = connection.prepare_cached("INSERT INTO ledger_part (split, chunk, data) VALUES (?1, ?2, ?3)")?;
    for (chunk, records) in records.chunks(CHUNK).enumerate() {
        insert.execute(params![split, chunk as i64, pack::blob_from_numbers(records)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
