//! Writing what filters do.

use deepviz_net::Network;
use rusqlite::{Transaction, params};

use crate::activity::{LayerRecord, Top};
use crate::pack;

pub(super) fn write(
    transaction: &Transaction<'_>,
    unit: i64,
    record: &LayerRecord,
    network: &Network,
) -> rusqlite::Result<()> {
    let layer = &network.layers()[record.layer];
    let classes = record.activity.classes.as_ref().map(|classes| {
        let parts = [&classes.mean, &classes.spread, &classes.zeros];
        pack::blob_from_numbers(&parts.into_iter().flatten().copied().collect::<Vec<f32>>())
    });
    let places = record.top.iter().map(Vec::len).max().unwrap_or(0);
    // A filter that puts out no numbers has a shorter list.
    let filled = record.top.iter().flat_map(|list| {
        let gaps = std::iter::repeat_n(Top::NONE, places - list.len());
        list.iter().copied().chain(gaps)
    });
    let insert = "INSERT INTO activity (unit_id, layer, filters, width, places, filter, class, top)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    transaction.prepare_cached(insert)?.execute(params![
        unit,
        layer.name,
        record.activity.filters.len() as i64,
        layer.shape.width as i64,
        places as i64,
        pack::blob_from_numbers(&record.activity.filters),
        classes,
        pack::blob_from_numbers(&filled.collect::<Vec<_>>()),
    ])?;
    Ok(())
}
