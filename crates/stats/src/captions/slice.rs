//! A slice: the images of a split that a condition holds for, and how often the network is wrong on either side.

use super::effect::{Share, difference_interval};
use super::property::Property;
use super::table::ImageTable;

/// Standard errors on either side of an interval that holds the value in 95 of 100 cases.
pub const TWO_SIDED_95: f64 = 1.959_964;

/// The side of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Smaller values.
    Below,
    /// The threshold and greater values.
    Above,
}

/// What the images of a slice have.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A property on a side of a threshold. Images for which it is not defined are on neither side of the slice.
    Property(Property, Side, f64),
    /// A word that their names have (above) or have not (below).
    Word(String, Side),
    /// A class that they are of (above) or are not (below).
    Class(usize, Side),
}

impl Condition {
    /// Whether it holds, by row of the table; none where it says nothing.
    fn holds(&self, table: &ImageTable) -> Vec<Option<bool>> {
        let rows = 0..table.images.len();
        match self {
            Self::Property(property, side, threshold) => {
                let is_inside = |value: f64| (value < *threshold) == (*side == Side::Below);
                rows.map(|row| table.value(row, *property).map(is_inside)).collect()
            }
            Self::Word(text, side) => {
                let Some(word) = table.words.iter().find(|word| word.text == *text) else {
                    return rows.map(|_| None).collect();
                };
                let has = |row: usize| word.images.binary_search(&(row as u32)).is_ok();
                rows.map(|row| Some(has(row) == (*side == Side::Above))).collect()
            }
            Self::Class(class, side) => {
                let is_of = |found: &u16| usize::from(*found) == *class;
                table.classes.iter().map(|found| Some(is_of(found) == (*side == Side::Above))).collect()
            }
        }
    }
}

/// A difference of errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The error inside less that outside.
    pub value: f64,
    /// Its interval of 95 %.
    pub interval: [f64; 2],
}

/// The images that a condition holds for, and the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Rows of the table inside, and outside.
    pub rows: [Vec<u32>; 2],
    /// Images for which the condition says nothing.
    pub undefined: usize,
    /// Wrong predictions inside, and outside.
    pub errors: [Share; 2],
    /// None where a side is empty. The interval is Newcombe's.
    pub difference: Option<Difference>,
    /// Between images of the same class: see [`within_classes`]. None where no class has images on both sides.
    pub within_classes: Option<Difference>,
}

/// The slice of a condition; `is_wrong` says of the image of each row whether its prediction is wrong.
pub fn slice(table: &ImageTable, condition: &Condition, is_wrong: &[bool]) -> Slice {
    let mut by_class = vec![[Share::default(); 2]; table.class_count];
    let mut errors = [Share::default(); 2];
    let mut rows = [Vec::new(), Vec::new()];
    let mut undefined = 0;
    for (row, (holds, &is_wrong)) in condition.holds(table).into_iter().zip(is_wrong).enumerate() {
        let Some(is_inside) = holds else {
            undefined += 1;
            continue;
        };
        let side = usize::from(!is_inside);
        rows[side].push(row as u32);
        let of_class = by_class.get_mut(usize::from(table.classes[row])).map(|sides| &mut sides[side]);
        for share in of_class.into_iter().chain([&mut errors[side]]) {
            share.count += usize::from(is_wrong);
            share.of += 1;
        }
    }
    let [inside, outside] = errors;
    let difference = (inside.of > 0 && outside.of > 0).then(|| Difference {
        value: inside.value() - outside.value(),
        interval: difference_interval(inside, outside, TWO_SIDED_95),
    });
    Slice { rows, undefined, errors, difference, within_classes: within_classes(&by_class) }
}

/// The difference of the errors between images of the same class, which a slice that merely holds more of a hard class has
/// not: the Mantel-Haenszel risk difference, whose weight of a class is `inside * outside / all` of its images, with the
/// variance of Greenland and Robins ("Estimation of a common effect parameter from sparse follow-up data", 1985).
pub fn within_classes(classes: &[[Share; 2]]) -> Option<Difference> {
    let (mut difference, mut weights, mut variance) = (0.0, 0.0, 0.0);
    for [inside, outside] in classes {
        let [n1, n0] = [inside.of as f64, outside.of as f64];
        if inside.of == 0 || outside.of == 0 {
            continue;
        }
        let n = n1 + n0;
        let weight = n1 * n0 / n;
        let ([a, b], [c, d]) =
            ([inside.count as f64, n1 - inside.count as f64], [outside.count as f64, n0 - outside.count as f64]);
        difference += weight * (inside.value() - outside.value());
        weights += weight;
        variance += (a * b * n0.powi(3) + c * d * n1.powi(3)) / (n1 * n0 * n * n);
    }
    if weights <= 0.0 {
        return None;
    }
    let (value, half) = (difference / weights, TWO_SIDED_95 * variance.sqrt() / weights);
    Some(Difference { value, interval: [(value - half).max(-1.0), (value + half).min(1.0)] })
}
