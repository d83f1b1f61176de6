//! Reading outputs, confusion and the images of its cells.

use deepviz_corpus::{ClassId, ImageId, Split};
use deepviz_net::Step;
use ndarray::{Array2, Axis};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Fault, LOGITS_CHUNK, RANKING_CHUNK, Store};
use crate::confusion::{CellPage, Confusion};
use crate::error::Error;
use crate::pack::{self, Ranked};
use crate::unit::{State, UnitState};

/// Which page of which cell of which confusion matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellQuery {
    /// The checkpoint.
    pub step: Step,
    /// The images.
    pub split: Split,
    /// The row of the matrix.
    pub true_class: ClassId,
    /// The column of the matrix.
    pub predicted: ClassId,
    /// How many images to leave out.
    pub offset: usize,
    /// How many to give at most.
    pub limit: usize,
}

/// A ready unit that is not stale.
pub(super) struct Unit {
    pub id: i64,
    pub step: Step,
    pub classes: usize,
}

const UNIT_COLUMNS: &str = "id, step, snapshot_hash, corpus_hash, classes";

impl Store {
    /// All units that the store knows of, by step and split.
    pub fn units(&self) -> Result<Vec<UnitState>, Error> {
        let mut units = self.with("read", |connection| {
            let sql = "SELECT step, split, state, snapshot_hash, corpus_hash, problem, images, loss, error, seconds
                       FROM unit ORDER BY step, split";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], unit_state_from_row)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        for unit in &mut units {
            if self.is_stale(unit.step, &unit.snapshot_hash, &unit.corpus_hash) {
                unit.state = State::Stale;
            }
        }
        Ok(units)
    }

    /// The outputs of every image of the split, `[images, classes]`; `None` where they are missing.
    pub fn logits(&self, step: Step, split: Split) -> Result<Option<Array2<f32>>, Error> {
        let Some(unit) = self.unit(step, split)? else { return Ok(None) };
        self.with("read", |connection| {
            let sql = "SELECT data FROM logits WHERE unit_id = ?1 ORDER BY chunk";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([unit.id])?;
            let mut values = Vec::new();
            while let Some(row) = rows.next()? {
                values.extend(pack::numbers_from_blob::<f32>(row.get_ref(0)?.as_blob().map_err(not_a_blob)?)?);
            }
            let shape = (values.len() / unit.classes.max(1), unit.classes);
            Array2::from_shape_vec(shape, values)
                .map(Some)
                .map_err(|e| Fault::Content(format!("outputs of {} classes that do not divide: {e}", unit.classes)))
        })
    }

    /// The outputs of one image at every checkpoint that has them.
    pub fn history(&self, image: ImageId) -> Result<Vec<(Step, Vec<f32>)>, Error> {
        let sql = format!(
            "SELECT {UNIT_COLUMNS}, first_image, data FROM unit JOIN logits
             ON unit_id = id AND chunk = (?1 - first_image) / {LOGITS_CHUNK}
             WHERE state = 'ready' AND ?1 >= first_image AND ?1 < first_image + images ORDER BY step"
        );
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([image.0])?;
            let mut history = Vec::new();
            while let Some(row) = rows.next()? {
                let Some(unit) = self.unit_from_row(row)? else { continue };
                let first: u32 = row.get(5)?;
                let chunk: Vec<f32> = pack::numbers_from_blob(row.get_ref(6)?.as_blob().map_err(not_a_blob)?)?;
                let start = (image.0 - first) as usize % LOGITS_CHUNK * unit.classes;
                let logits = chunk
                    .get(start..start + unit.classes)
                    .ok_or_else(|| format!("{} outputs in a chunk, expected more than {start}", chunk.len()))?;
                history.push((unit.step, logits.to_vec()));
            }
            Ok(history)
        })
    }

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
                    let cells = pack::numbers_from_blob(row.get_ref(5)?.as_blob().map_err(not_a_blob)?)?;
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
            let ranked = read_ranking(connection, &unit, start..end)?;
            let items = ranked.into_iter().map(|r| (ImageId(r.image), r.value)).collect();
            Ok(Some(CellPage { total, items }))
        })
    }

    /// The unit, where it is ready and not stale.
    pub(super) fn unit(&self, step: Step, split: Split) -> Result<Option<Unit>, Error> {
        let sql = format!("SELECT {UNIT_COLUMNS} FROM unit WHERE step = ?1 AND split = ?2 AND state = 'ready'");
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![step.0 as i64, split.as_str()])?;
            match rows.next()? {
                Some(row) => Ok(self.unit_from_row(row)?),
                None => Ok(None),
            }
        })
    }

    /// From a row that begins with [`UNIT_COLUMNS`]; `None` where it is stale.
    pub(super) fn unit_from_row(&self, row: &Row<'_>) -> rusqlite::Result<Option<Unit>> {
        let step = Step(row.get::<_, i64>(1)? as u64);
        let (snapshot, corpus) = (row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
        if self.is_stale(step, snapshot, corpus) {
            return Ok(None);
        }
        Ok(Some(Unit { id: row.get(0)?, step, classes: count(row, 4)? }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
pub(super) fn not_a_blob(error: rusqlite::types::FromSqlError) -> Fault {
    Fault::Content(format!("a packed column of another type: {error}"))
}

fn unit_state_from_row(row: &Row<'_>) -> rusqlite::Result<UnitState> {
    let state = match row.get_ref(2)?.as_str()? {
        "ready" => State::Ready,
        _ => State::Failed,
    };
    Ok(UnitState {
        step: Step(row.get::<_, i64>(0)? as u64),
        split: split_from_column(row, 1)?,
        state,
        snapshot_hash: row.get(3)?,
        corpus_hash: row.get(4)?,
        error: row.get(5)?,
        images: count(row, 6)?,
        loss: row.get(7)?,
        error_rate: row.get(8)?,
        seconds: row.get(9)?,
    })
}

/// A column that counts something.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    Ok(row.get::<_, u32>(column)? as usize)
}

fn split_from_column(row: &Row<'_>, column: usize) -> rusqlite::Result<Split> {
    let name = row.get_ref(column)?.as_str()?;
    name.parse().map_err(|_| rusqlite::Error::InvalidColumnType(column, name.to_owned(), Type::Text))
}

/// The triplets (true, predicted, count) of a unit.
fn read_cells(connection: &Connection, unit: &Unit) -> Result<Vec<u32>, Fault> {
    let mut statement = connection.prepare_cached("SELECT data FROM confusion WHERE unit_id = ?1")?;
    let blob: Option<Vec<u8>> = statement.query_row([unit.id], |row| row.get(0)).optional()?;
    let blob = blob.ok_or_else(|| format!("the unit of step {} has no confusion matrix", unit.step.0))?;
    Ok(pack::numbers_from_blob(&blob)?)
}

fn confusion_of(cells: &[u32], classes: usize) -> Result<Confusion, Fault> {
    let mut counts = Array2::zeros((classes, classes));
    for &[truth, predicted, count] in cells.as_chunks::<3>().0 {
        let cell = counts.get_mut([truth as usize, predicted as usize]);
        *cell.ok_or_else(|| format!("cell ({truth}, {predicted}) in a confusion of {classes} classes"))? = count;
    }
    Ok(Confusion { classes, counts })
}

fn read_ranking(connection: &Connection, unit: &Unit, places: std::ops::Range<usize>) -> Result<Vec<Ranked>, Fault> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let (first, last) = (places.start / RANKING_CHUNK, (places.end - 1) / RANKING_CHUNK);
    let sql = "SELECT data FROM cell_image WHERE unit_id = ?1 AND chunk BETWEEN ?2 AND ?3 ORDER BY chunk";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![unit.id, first as i64, last as i64])?;
    let mut ranked = Vec::new();
    while let Some(row) = rows.next()? {
        ranked.extend(pack::numbers_from_blob::<Ranked>(row.get_ref(0)?.as_blob().map_err(not_a_blob)?)?);
    }
    let begin = places.start - first * RANKING_CHUNK;
    let page = ranked.get(begin..begin + places.len());
    page.map(<[Ranked]>::to_vec)
        .ok_or_else(|| Fault::Content(format!("{} places in a ranking, expected more", ranked.len())))
}

/// Rows of a matrix in chunks, as they are stored.
pub(super) fn chunks_of(logits: &Array2<f32>) -> impl Iterator<Item = Vec<f32>> + '_ {
    logits.axis_chunks_iter(Axis(0), LOGITS_CHUNK).map(|chunk| chunk.iter().copied().collect())
}
