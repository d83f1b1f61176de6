//! The rules, in the order of the story: classes, pairs, layers, schedule, overfitting, units, images, labels.

pub(crate) mod classes;
pub(crate) mod forgetting;
pub(crate) mod labels;
pub(crate) mod layers;
pub(crate) mod overfitting;
pub(crate) mod pairs;
pub(crate) mod schedule;
pub(crate) mod units;

use super::material::Material;
use super::sentence::Told;

/// A rule with its name.
pub(crate) type Rule = (&'static str, fn(&Material) -> Told);

/// Every rule.
pub(crate) const RULES: [Rule; 9] = [
    (classes::ID, classes::tell),
    (pairs::STAYS, pairs::tell_stays),
    (pairs::PARTS, pairs::tell_parts),
    (layers::ID, layers::tell),
    (schedule::ID, schedule::tell),
    (overfitting::ID, overfitting::tell),
    (units::ID, units::tell),
    (forgetting::ID, forgetting::tell),
    (labels::ID, labels::tell),
];

#[cfg(test)]
mod tests;
