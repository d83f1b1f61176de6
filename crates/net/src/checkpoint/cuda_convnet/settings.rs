//! The settings of one layer as keys of a `[[layer]]` table (docs/recipes.md): each type of cuda-convnet's by itself.
//!
//! What deepViz would compute otherwise is refused here, with the layer's name.

use super::document::{Fields, number};
use super::layer_list::MAX_INPUTS;
use crate::error::Error;
use crate::table::write::put;
use toml::{Table, Value};

/// A table in a table.
pub(super) fn inner<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The types that have a counterpart.
const KNOWN: &str = "conv, local, fc, pool (max, avg), rnorm, cnorm, cmrnorm, neuron, softmax, eltsum, concat, dropout, \
                     dropout2 or pass, which deepViz can compute; train the network without it to have it shown";

/// The `type` and the settings of a layer without weights.
pub(super) fn of_plain(fields: &Fields<'_>, kind: &str, inputs: usize) -> Result<Table, Error> {
    let mut table = Table::new();
    match kind {
        "pool" => pool(fields, &mut table)?,
        "rnorm" | "cnorm" | "cmrnorm" => norm(fields, kind, &mut table)?,
        "neuron" => return neuron(fields),
        "softmax" => put(&mut table, "type", "softmax"),
        "eltsum" => {
            let factors =
                if fields.get("coeffs").is_some() { fields.numbers("coeffs", MAX_INPUTS)? } else { vec![1.0; inputs] };
            put(&mut table, "type", "add");
            put(&mut table, "coefficients", factors);
        }
        "concat" => put(&mut table, "type", "concat"),
        // cuda-convnet2 makes up for its dropout while training: a test passes values on.
        "pass" | "dropout" => put(&mut table, "type", "identity"),
        "dropout2" => {
            let keep = fields.number_or("keep", 0.5)?;
            return dropout(fields, 1.0 - keep);
        }
        other => return Err(fields.wrong(&format!("the type `{other}`"), KNOWN)),
    }
    Ok(table)
}

/// Dropout that a test makes up for: values times what is kept.
pub(super) fn dropout(fields: &Fields<'_>, rate: f64) -> Result<Table, Error> {
    if !(0.0..1.0).contains(&rate) {
        return Err(fields.wrong(&format!("a dropout of {rate}"), "a share from 0 to below 1"));
    }
    let mut table = Table::new();
    put(&mut table, "type", "dropout");
    put(&mut table, "rate", rate);
    Ok(table)
}

/// Filters of one input of a `conv` or `local`; fully connected weights.
pub(super) fn of_weighted(fields: &Fields<'_>, kind: &str, input: usize) -> Result<Table, Error> {
    let mut table = Table::new();
    if kind == "fc" {
        put(&mut table, "type", "full");
        put(&mut table, "outputs", fields.whole("outputs")?);
    } else {
        filters(fields, kind, input, &mut table)?;
    }
    if let Some(std) = fields.optional_number_at("initW", input).filter(|std| std.is_finite() && *std >= 0.0) {
        put(&mut table, "init", inner([("type", "normal".into()), ("std", std.into())]));
    }
    if let Some(value) = fields.get("initB").and_then(number).filter(|value| value.is_finite()) {
        put(&mut table, "bias_init", inner([("type", "constant".into()), ("value", value.into())]));
    }
    Ok(table)
}

fn filters(fields: &Fields<'_>, kind: &str, input: usize, table: &mut Table) -> Result<(), Error> {
    if fields.flag_at("randSparse", input) {
        let expected = "filters that see all channels of their group; deepViz has no random connections";
        return Err(fields.wrong("filters with randSparse", expected));
    }
    // In the file the padding is the place of the first filter: 0 or less.
    let padding = fields.whole_at("padding", input)?;
    put(table, "type", kind);
    put(table, "filters", fields.whole("filters")?);
    put(table, "size", fields.whole_at("filterSize", input)?);
    put(table, "stride", fields.whole_at("stride", input)?);
    put(table, "padding", padding.saturating_neg());
    put(table, "groups", fields.optional_whole_at("groups", input).unwrap_or(1));
    if kind == "conv" {
        put(table, "shared_bias", fields.flag_or("sharedBiases", true)?);
    }
    Ok(())
}

fn pool(fields: &Fields<'_>, table: &mut Table) -> Result<(), Error> {
    let of = fields.text("pool").unwrap_or_default();
    let word = match of.as_str() {
        "max" => "max",
        "avg" => "average",
        other => return Err(fields.wrong(&format!("the pool `{other}`"), "`max` or `avg`, which deepViz can compute")),
    };
    if fields.flag("sum")? {
        return Err(fields.wrong("a pool that sums (`sum`)", "one that takes the average: deepViz has no sums"));
    }
    let [size, stride, outputs] = [fields.whole("sizeX")?, fields.whole("stride")?, fields.whole("outputsX")?];
    let start = if fields.get("start").is_some() { fields.whole("start")? } else { 0 };
    if start > 0 {
        let expected = "windows that begin with the image or before it: deepViz has no others";
        return Err(fields.wrong(&format!("a pool with `start` {start}"), expected));
    }
    put(table, "type", "pool");
    put(table, "pool", word);
    put(table, "size", size);
    put(table, "stride", stride);
    put(table, "start", start);
    let covering = fields.whole("imgSize").ok().filter(|_| stride > 0).map(|side| {
        let beyond = side.saturating_sub(start).saturating_sub(size);
        let more = i64::from(beyond.rem_euclid(stride) > 0);
        beyond.div_euclid(stride).saturating_add(1 + more)
    });
    if covering != Some(outputs) {
        put(table, "outputs", outputs);
    }
    Ok(())
}

fn norm(fields: &Fields<'_>, kind: &str, table: &mut Table) -> Result<(), Error> {
    let size = fields.whole("size")?;
    let min = fields.number_or("minDiv", 1.0)?;
    if (min - 1.0).abs() > 0.0 {
        let expected = "1, the number that the squares are added to: deepViz has no other";
        return Err(fields.wrong(&format!("a `minDiv` of {min}"), expected));
    }
    // The file has the coefficient of one value, recipes that of a window.
    let values = if kind == "cmrnorm" { size as f64 } else { (size as f64).powi(2) };
    put(table, "type", kind);
    put(table, "size", size);
    put(table, "scale", fields.number("scale")? * values);
    put(table, "power", fields.number("pow")?);
    if kind == "cmrnorm" {
        put(table, "blocked", fields.flag("blocked")?);
    } else if fields.flag("blocked")? {
        return Err(fields.wrong("`blocked` windows within a map", "windows around every pixel"));
    }
    Ok(())
}

/// The function of a neuron layer, or of another layer that has its neuron in itself (versions of 2011).
pub(super) fn neuron(fields: &Fields<'_>) -> Result<Table, Error> {
    let neuron = fields.get("neuron").unwrap_or(&deepviz_pickle::Value::None);
    let neuron = Fields { document: fields.document, value: neuron };
    let kind = neuron.text("type").unwrap_or_default();
    let parameters = neuron.get("params").unwrap_or(&deepviz_pickle::Value::None);
    let parameters = Fields { document: fields.document, value: parameters };
    let parameter = |key: &str| {
        let found = parameters.get(key).and_then(number).filter(|value| value.is_finite());
        found.ok_or_else(|| fields.wrong(&format!("no number `{key}` for the neuron `{kind}`"), "one in `params`"))
    };
    let mut table = Table::new();
    let (name, keys): (_, &[(&str, &str)]) = match kind.as_str() {
        "relu" | "softrelu" | "logistic" | "abs" | "square" | "sqrt" => (kind.as_str(), &[]),
        "ident" => ("identity", &[]),
        "tanh" | "linear" => (kind.as_str(), &[("a", "a"), ("b", "b")]),
        "brelu" => ("brelu", &[("a", "limit")]),
        other => {
            let expected = "relu, brelu, softrelu, logistic, tanh, abs, square, sqrt, linear or ident, which deepViz can \
                            compute";
            return Err(fields.wrong(&format!("the neuron `{other}`"), expected));
        }
    };
    put(&mut table, "type", name);
    for (theirs, ours) in keys {
        put(&mut table, ours, parameter(theirs)?);
    }
    Ok(table)
}
