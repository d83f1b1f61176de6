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
use super::sentence::RuleResult;

/// A rule with its name.
pub(crate) type Rule = (&'static str, fn(&Material) -> RuleResult);

/// Every rule.
pub(crate) const RULES: [Rule; 9] = [
    (classes::ID, classes::apply),
    (pairs::STAYS, pairs::apply_stays),
    (pairs::PARTS, pairs::apply_parts),
    (layers::ID, layers::apply),
    (schedule::ID, schedule::apply),
    (overfitting::ID, overfitting::apply),
    (units::ID, units::apply),
    (forgetting::ID, forgetting::apply),
    (labels::ID, labels::apply),
];

#[cfg(test)]
mod tests;
