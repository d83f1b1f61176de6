//! The layers of a network, as a table and as JSON.

use deepviz_net::Network;
use serde::Serialize;

use crate::format;
use crate::table::Table;

/// One layer.
#[derive(Debug, Serialize)]
pub struct LayerRow {
    name: String,
    r#type: &'static str,
    inputs: Vec<String>,
    shape: [usize; 3],
    parameters: Vec<ParameterRow>,
}

/// One array: learnt, or a running statistic.
#[derive(Debug, Serialize)]
struct ParameterRow {
    name: String,
    shape: Vec<usize>,
    #[serde(skip)]
    is_learnt: bool,
}

/// Every layer of a network, its input first.
pub fn rows(network: &Network) -> Vec<LayerRow> {
    let layers = network.layers();
    layers
        .iter()
        .map(|layer| LayerRow {
            name: layer.name.clone(),
            r#type: layer.op.kind(),
            inputs: layer.inputs.iter().map(|&input| layers[input].name.clone()).collect(),
            shape: layer.shape.dims(),
            parameters: layer
                .parameters
                .iter()
                .map(|parameter| ParameterRow {
                    name: parameter.name.clone(),
                    shape: parameter.shape.clone(),
                    is_learnt: parameter.is_learnt(),
                })
                .collect(),
        })
        .collect()
}

/// Prints the layers as a table.
pub fn print(rows: &[LayerRow]) {
    let mut table = Table::new(&["layer", "type", "inputs", "output", "weights", "parameters"]);
    for row in rows {
        // Running statistics are not among a network's parameters: the column adds up to the number above.
        let learnt = row.parameters.iter().filter(|parameter| parameter.is_learnt);
        let count: usize = learnt.map(|parameter| parameter.shape.iter().product::<usize>()).sum();
        let weights = row.parameters.first().map(|weight| by(&weight.shape));
        table.row([
            row.name.clone(),
            row.r#type.to_owned(),
            row.inputs.join(", "),
            by(&row.shape),
            weights.unwrap_or_default(),
            if count == 0 { String::new() } else { format::count(count as u64) },
        ]);
    }
    table.print();
}

/// `32 x 3 x 5 x 5`
fn by(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    sides.join(" x ")
}
