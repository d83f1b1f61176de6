//! The tables `confusion`, counts by true and predicted class, and `cell_image`, the images of each such cell.

use deepviz_corpus::{ClassId, ImageId, Split};
use deepviz_net::Step;
use ndarray::Array2;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::database::Store;
use super::fault::{Fault, not_a_blob};
use super::record::UnitNumbers;
use super::table::Table;
use super::unit::{ReadyUnit, UNIT_COLUMNS, UNIT_WIDTH};
use crate::confusion::{CellPage, Confusion};
use crate::error::Error;
use crate::pack::{self, Ranked};

pub(super) const TABLE: Table = Table { name: "confusion", parent: "unit_id", columns: "data", sealed: &["data"] };
pub(super) const RANKING: Table =
    Table { name: "cell_image", parent: "unit_id", columns: "chunk, data", sealed: &["data"] };

/// Entries of the ranking in one row of the table.
const RANKING_CHUNK: usize = 4096;

/// Inserts the counts of a unit and the images of its cells.
pub(super) fn insert(transaction: &Transaction<'_>, unit: i64, numbers: &UnitNumbers<'_>) -> rusqlite::Result<()> {
    let outcome = &numbers.outcome;
    let counts = outcome.confusion.counts.indexed_iter();
    let cells: Vec<u32> = counts
        .filter(|&(_, &count)| count > 0)
        .flat_map(|((truth, predicted), &count)| [truth as u32, predicted as u32, count])
        .collect();
    transaction.execute(&TABLE.insert_sql(), params![unit, pack::blob_from_numbers(&cells)])?;
    let mut insert = transaction.prepare_cached(&RANKING.insert_sql())?;
    for (chunk, entries) in outcome.ranking.chunks(RANKING_CHUNK).enumerate() {
        let blob = ranking_blob(entries, numbers.first_image, numbers.logits.nrows());
        insert.execute(params![unit, chunk as i64, blob])?;
    }
    Ok(())
}

/// A query for a page of the images in one cell of a confusion matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellQuery {
    /// The checkpoint.
    pub step: Step,
    /// The split.
    pub split: Split,
    /// The row of the matrix.
    pub true_class: ClassId,
    /// The column of the matrix.
    pub predicted: ClassId,
    /// Index of the first image of the page within the cell.
    pub offset: usize,
    /// Largest number of images of the page.
    pub limit: usize,
}

impl Store {
    /// The confusion matrix of one checkpoint; `None` where it is missing.
    pub fn confusion(&self, step: Step, split: Split) -> Result<Option<Confusion>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| Ok(Some(confusion_of(&read_cells(connection, &unit)?, unit.classes)?)))
    }

    /// The confusion matrices of all checkpoints that have one, in order.
    pub fn confusions(&self, split: Split) -> Result<Vec<(Step, Confusion)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, data FROM unit JOIN confusion ON unit_id = id
             WHERE split = ?1 AND state = 'ready' ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([split.as_str()])?;
            let mut confusions = Vec::new();
            while let Some(row) = rows.next()? {
                if let Some(unit) = self.unit_from_row(row)? {
                    let cells = pack::numbers_from_blob(row.get_ref(UNIT_WIDTH)?.as_blob().map_err(not_a_blob)?)?;
                    confusions.push((unit.step, confusion_of(&cells, unit.classes)?));
                }
            }
            Ok(confusions)
        })
    }

    /// A page of the images in a cell of the confusion matrix, the most confident first; `None`
    /// where the checkpoint has no statistics.
    pub fn cell(&self, query: &CellQuery) -> Result<Option<CellPage>, Error> {
        let Some(unit) = self.unit(query.step, query.split)? else { return Ok(None) };
        self.with("read", |connection| {
            let wanted = (u32::from(query.true_class.0), u32::from(query.predicted.0));
            let (mut start, mut total) = (0, 0);
            for &[truth, predicted, count] in read_cells(connection, &unit)?.as_chunks::<3>().0 {
                if (truth, predicted) < wanted {
                    start += count as usize;
                } else if (truth, predicted) == wanted {
                    total = count as usize;
                }
            }
            let end = start + total.min(query.offset.saturating_add(query.limit));
            let start = start + total.min(query.offset);
            let items = read_ranking(connection, &unit, start..end)?;
            Ok(Some(CellPage { total, items }))
        })
    }
}

/// The triplets (true, predicted, count) of a unit.
fn read_cells(connection: &Connection, unit: &ReadyUnit) -> Result<Vec<u32>, Fault> {
    let mut statement = connection.prepare_cached("SELECT data FROM confusion WHERE unit_id = ?1")?;
    let blob: Option<Vec<u8>> = statement.query_row([unit.id], |row| row.get(0)).optional()?;
    let blob = blob.ok_or_else(|| format!("the unit of step {} has no confusion matrix", unit.step.0))?;
    Ok(pack::numbers_from_blob(&blob)?)
}

/// Limit of the classes of a confusion matrix in memory: 1 GiB of counts.
const MAX_CLASSES: usize = 1 << 14;

fn confusion_of(cells: &[u32], classes: usize) -> Result<Confusion, Fault> {
    if classes > MAX_CLASSES {
        return Err(Fault::Content(format!("a confusion of {classes} classes, expected at most {MAX_CLASSES}")));
    }
    let mut counts = Array2::zeros((classes, classes));
    for &[truth, predicted, count] in cells.as_chunks::<3>().0 {
        let cell = counts.get_mut([truth as usize, predicted as usize]);
        *cell.ok_or_else(|| format!("cell ({truth}, {predicted}) in a confusion of {classes} classes"))? = count;
    }
    Ok(Confusion { classes, counts })
}

fn read_ranking(
    connection: &Connection,
    unit: &ReadyUnit,
    entries: std::ops::Range<usize>,
) -> Result<Vec<(ImageId, f32)>, Fault> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let (first, last) = (entries.start / RANKING_CHUNK, (entries.end - 1) / RANKING_CHUNK);
    let sql = "SELECT data FROM cell_image WHERE unit_id = ?1 AND chunk BETWEEN ?2 AND ?3 ORDER BY chunk";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![unit.id, first as i64, last as i64])?;
    let width = image_offset_bytes(unit.images);
    let mut ranked = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = pack::unseal(row.get_ref(0)?.as_blob().map_err(not_a_blob)?)?;
        ranked.extend(bytes.chunks_exact(width + 2).map(|entry| {
            let (image, value) = entry.split_at(width);
            let offset = image.iter().rev().fold(0, |offset, &byte| offset << 8 | u32::from(byte));
            let value = u16::from_le_bytes([value[0], value[1]]);
            (ImageId(unit.first_image.0 + offset), f32::from(value) / f32::from(u16::MAX))
        }));
    }
    let begin = entries.start - first * RANKING_CHUNK;
    let page = ranked.get(begin..begin + entries.len());
    page.map(<[_]>::to_vec)
        .ok_or_else(|| Fault::Content(format!("{} entries in a ranking, expected more", ranked.len())))
}

/// Bytes of an image's offset (from the first image of the split) in a ranking of `images` images.
fn image_offset_bytes(images: usize) -> usize {
    if images <= 1 << 16 { 2 } else { 4 }
}

fn ranking_blob(entries: &[Ranked], first_image: ImageId, images: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * (image_offset_bytes(images) + 2));
    for entry in entries {
        bytes.extend(&(entry.image - first_image.0).to_le_bytes()[..image_offset_bytes(images)]);
        bytes.extend(((entry.value * f32::from(u16::MAX)).round() as u16).to_le_bytes());
    }
    pack::seal(bytes)
}
