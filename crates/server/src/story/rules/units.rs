//! Units that are dead.

use super::super::material::{LayerFiring, Material};
use super::super::sentence::{Picture, RuleResult, Sentence, StoryLink, UnitRows, UnitStates};
use super::super::windows::{WINDOW, first_trained};
use super::super::words::plural;
use crate::runs::health::Health;

pub(crate) const ID: &str = "units";

/// A unit that is dead at fewer checkpoints is not reported.
const SEVERAL: usize = 3;
/// Rows of the picture.
const MAX_UNITS: usize = 5;

/// The checkpoints at which a unit fires on no image, by position.
fn dead_at(layer: &LayerFiring, unit: usize) -> Vec<usize> {
    (0..layer.shares.len()).filter(|&at| layer.shares[at].get(unit) == Some(&0.0)).collect()
}

fn units_of(layer: &LayerFiring) -> usize {
    layer.shares.iter().map(Vec::len).min().unwrap_or(0)
}

/// The units that are dead at all of the last checkpoints, in the layer with the largest share of them; else the unit
/// that is dead at most checkpoints, and at three or more.
pub(crate) fn apply(material: &Material) -> RuleResult {
    let enough = |layer: &&LayerFiring| {
        layer.checkpoints.len() >= first_trained(&layer.checkpoints) + WINDOW && units_of(layer) > 0
    };
    let layers: Vec<&LayerFiring> = material.firing.iter().filter(enough).collect();
    if layers.is_empty() {
        return Err(format!("needs the activity of a layer with a nonlinearity at {WINDOW} checkpoints or more"));
    }
    let dead_count = |layer: &LayerFiring| {
        let late = layer.checkpoints.len() - WINDOW;
        (0..units_of(layer))
            .filter(|&unit| dead_at(layer, unit).iter().filter(|&&at| at >= late).count() == WINDOW)
            .count()
    };
    let share = |layer: &LayerFiring| dead_count(layer) as f64 / units_of(layer) as f64;
    let worst = layers.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
    if let Some(layer) = worst.filter(|layer| dead_count(layer) > 0) {
        return Ok(dead_at_the_end(layer, dead_count(layer)));
    }
    let all = layers.iter().flat_map(|layer| (0..units_of(layer)).map(move |unit| (*layer, unit)));
    let longest = all.map(|(layer, unit)| (layer, unit, dead_at(layer, unit))).max_by_key(|(.., dead)| dead.len());
    match longest {
        Some((layer, unit, dead)) if dead.len() >= SEVERAL => Ok(dead_for_a_while(layer, unit, &dead)),
        _ => Err(format!("no unit is dead at {SEVERAL} checkpoints or more")),
    }
}

/// “filters” of maps, “units” of single values.
fn kind(layer: &LayerFiring) -> &'static str {
    if layer.is_flat { "unit" } else { "filter" }
}

fn dead_at_the_end(layer: &LayerFiring, dead_count: usize) -> Sentence {
    let (total, one) = (units_of(layer), kind(layer));
    let mut units: Vec<usize> = (0..total).collect();
    units.sort_by_key(|&unit| std::cmp::Reverse(dead_at(layer, unit).len()));
    let first = dead_at(layer, units[0]).first().map_or(0, |&at| layer.checkpoints[at]);
    let late = &layer.checkpoints[layer.checkpoints.len() - WINDOW..];
    let are = if dead_count == 1 { "is" } else { "are" };
    sentence(
        layer,
        (
            format!("{dead_count} of {} of {} {are} dead at the end.", plural(total, one), layer.layer),
            format!(
                "They fire on no image over {}. The first of them, {one} {}, is dead from checkpoint {first} on.",
                super::super::words::checkpoints(late),
                units[0],
            ),
        ),
        (units[0], first),
        [("dead_units", dead_count as f64), ("units", total as f64)],
    )
}

fn dead_for_a_while(layer: &LayerFiring, unit: usize, dead: &[usize]) -> Sentence {
    let one = kind(layer);
    let name = format!("{} {unit} of {}", if layer.is_flat { "Unit" } else { "Filter" }, layer.layer);
    let is_at_first = dead.iter().enumerate().all(|(index, &at)| index == at);
    let end = layer.checkpoints.len() - 1;
    let text = if is_at_first {
        format!("{name} is dead for its first {} checkpoints.", dead.len())
    } else {
        format!("{name} is dead at {} checkpoints.", dead.len())
    };
    let ever = (0..units_of(layer)).filter(|&unit| !dead_at(layer, unit).is_empty()).count();
    let now = (0..units_of(layer)).filter(|&unit| layer.shares[end][unit] == 0.0).count();
    let evidence = format!(
        "{} of its {} {} dead at some checkpoint, {} at the end. {} fires on {} of the images there.",
        ever,
        plural(units_of(layer), one),
        if ever == 1 { "is" } else { "are" },
        if now == 0 { "none".to_owned() } else { now.to_string() },
        if layer.is_flat { format!("Unit {unit}") } else { format!("Filter {unit}") },
        super::super::words::percent(f64::from(layer.shares[end][unit])),
    );
    let checkpoint = layer.checkpoints[dead[if is_at_first { dead.len() - 1 } else { 0 }]];
    sentence(
        layer,
        (text, evidence),
        (unit, checkpoint),
        [("dead_checkpoints", dead.len() as f64), ("ever", ever as f64)],
    )
}

fn sentence(
    layer: &LayerFiring,
    (text, evidence): (String, String),
    (unit, checkpoint): (usize, usize),
    numbers: [(&'static str, f64); 2],
) -> Sentence {
    let mut units: Vec<usize> = (0..units_of(layer)).filter(|&unit| !dead_at(layer, unit).is_empty()).collect();
    units.sort_by_key(|&unit| std::cmp::Reverse(dead_at(layer, unit).len()));
    units.truncate(MAX_UNITS);
    let states = |unit: usize| {
        let share = |at: usize| layer.shares[at][unit];
        let health = |at: usize| Health::of_shares(share(at), at.checked_sub(1).map(share));
        (0..layer.shares.len()).map(health).collect()
    };
    let mut values: std::collections::BTreeMap<_, _> =
        [("layer", layer.layer.as_str().into()), ("unit", unit.into())].into();
    values.extend(numbers.map(|(name, number)| (name, number.into())));
    Sentence {
        id: ID,
        text,
        evidence,
        values,
        checkpoint,
        link: StoryLink {
            view: "training",
            checkpoint,
            layer: Some(layer.layer.clone()),
            options: [
                ("training.page", "units".to_owned()),
                ("training.layer", layer.layer.clone()),
                ("training.unit", unit.to_string()),
            ]
            .into(),
            ..StoryLink::default()
        },
        picture: Picture::Units(UnitRows {
            layer: layer.layer.clone(),
            checkpoints: layer.checkpoints.clone(),
            units: units.into_iter().map(|unit| UnitStates { unit, states: states(unit) }).collect(),
        }),
    }
}
