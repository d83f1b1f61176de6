//! Statistics of each example over the checkpoints: when it was learned, how often forgotten, by what margin.

mod tally;

use std::ops::Range;

use deepviz_corpus::ImageId;
use deepviz_net::Step;

use crate::page::Page;
pub(crate) use tally::{Record, Tally};

/// One image over all checkpoints with statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Example {
    /// The image.
    pub image: ImageId,
    /// The first checkpoint at which its prediction is right.
    pub learned: Option<Step>,
    /// Times that a right prediction is followed by a wrong one.
    pub forgotten: u32,
    /// Times that the predicted class changes.
    pub flips: u32,
    /// At how many checkpoints its prediction is right: the margin is above 0.
    pub right: u32,
    /// The predicted class at the last checkpoint.
    pub predicted: u16,
    /// The margin, `p(true class)` less the greatest other probability, at the last checkpoint; -1 to 1.
    pub final_margin: f32,
    /// The mean of that over all checkpoints.
    pub mean_margin: f32,
    /// The mean of that over the later half of the checkpoints.
    pub late_margin: f32,
    /// The share of the later half of the checkpoints that predict the same class as the last one.
    pub agreement: f32,
}

/// All images of a split.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExampleStats {
    /// The checkpoints it is made from.
    pub steps: Vec<Step>,
    /// By image, in the order of their ids.
    pub examples: Vec<Example>,
}

impl ExampleStats {
    /// The images that are wanted, in this order; of these the places in `indices`, as far as they exist.
    pub fn page(
        &self,
        order: ExampleOrder,
        is_wanted: impl Fn(&Example) -> bool,
        indices: Range<usize>,
    ) -> Page<&Example> {
        // By image, so that equal keys keep that order.
        let examples = self.examples.iter().enumerate();
        let wanted = examples.filter(|(_, example)| is_wanted(example));
        let wanted = wanted.map(|(index, example)| (order.key(example), index)).collect();
        let Page { total, items } = Page::of(wanted, indices, Ord::cmp);
        Page { total, items: items.into_iter().map(|(_, index)| &self.examples[index]).collect() }
    }
}

/// Orders of examples; the most telling come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleOrder {
    /// By id.
    Image,
    /// Learned last, or never.
    Learned,
    /// Forgotten most often.
    Forgotten,
    /// Predicted differently most often.
    Flips,
    /// Least sure of the true class at the end.
    FinalMargin,
    /// Least sure of it over all checkpoints.
    MeanMargin,
}

impl ExampleOrder {
    /// Every order with its name in URLs.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("image", Self::Image),
        ("learned", Self::Learned),
        ("forgotten", Self::Forgotten),
        ("flips", Self::Flips),
        ("final_margin", Self::FinalMargin),
        ("mean_margin", Self::MeanMargin),
    ];

    /// The place of an image in the order; between equals their ids decide.
    fn key(self, example: &Example) -> u64 {
        match self {
            Self::Image => 0,
            // Never counts as later than any checkpoint.
            Self::Learned => example.learned.map_or(0, |step| u64::MAX - step.0),
            Self::Forgotten => u64::from(u32::MAX - example.forgotten),
            Self::Flips => u64::from(u32::MAX - example.flips),
            Self::FinalMargin => ascending(example.final_margin),
            Self::MeanMargin => ascending(example.mean_margin),
        }
    }
}

/// A key that sorts as `f32::total_cmp` does.
fn ascending(value: f32) -> u64 {
    let bits = value.to_bits();
    u64::from(if value.is_sign_negative() { !bits } else { bits | 1 << 31 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Predictions;

    fn stats_of(checkpoints: &[Predictions]) -> ExampleStats {
        let steps: Vec<Step> = checkpoints.iter().map(|predictions| predictions.step).collect();
        let mut tally = Tally::new(&checkpoints[checkpoints.len() - 1], checkpoints.len());
        for predictions in checkpoints {
            tally.add(predictions.clone());
        }
        let records = tally.finish();
        let examples = (10..).zip(&records).map(|(image, record)| record.example(ImageId(image), &steps)).collect();
        ExampleStats { steps, examples }
    }

    fn predictions(step: u64, classes: [u16; 3], margins: [i16; 3]) -> Predictions {
        Predictions { step: Step(step), first: ImageId(10), classes: classes.into(), margins: margins.into() }
    }

    #[test]
    fn learning_forgetting_and_margins_are_counted() {
        let whole = i16::MAX;
        let stats = stats_of(&[
            predictions(0, [1, 2, 0], [-whole, -whole, whole]),
            predictions(5, [0, 2, 0], [whole, -whole, whole]),
            predictions(10, [1, 2, 0], [-whole, -whole, whole]),
            predictions(15, [0, 2, 1], [whole, -whole, 0]),
        ]);
        let [a, b, c] = stats.examples[..] else { panic!("three images") };
        assert_eq!((a.image, a.learned, a.forgotten, a.flips, a.right), (ImageId(10), Some(Step(5)), 1, 3, 2));
        assert_eq!((b.learned, b.forgotten, b.flips, b.right, b.predicted), (None, 0, 0, 0, 2));
        assert_eq!((c.learned, c.forgotten, c.flips, c.right, c.predicted), (Some(Step(0)), 1, 1, 3, 1));
        assert!((a.mean_margin).abs() < 1e-6 && (a.final_margin - 1.0).abs() < 1e-6);
        assert!((b.late_margin + 1.0).abs() < 1e-6 && (b.agreement - 1.0).abs() < 1e-6);
        assert!((c.late_margin - 0.5).abs() < 1e-6 && (c.agreement - 0.5).abs() < 1e-6);
        let page = stats.page(ExampleOrder::Learned, |_| true, 0..2);
        assert_eq!((page.total, page.items.iter().map(|e| e.image.0).collect::<Vec<_>>()), (3, vec![11, 10]));
        let page = stats.page(ExampleOrder::Flips, |example| example.predicted != 0, 1..9);
        assert_eq!((page.total, page.items.iter().map(|e| e.image.0).collect::<Vec<_>>()), (2, vec![11]));
    }

    #[test]
    fn every_order_has_the_most_telling_first() {
        let whole = i16::MAX;
        // Three images: always right, learned late and shaky, never right.
        let stats = stats_of(&[
            predictions(0, [1, 0, 2], [whole, -5, -whole]),
            predictions(5, [1, 1, 2], [whole, 9, -whole]),
            predictions(10, [1, 0, 2], [whole, -7, -whole]),
        ]);
        let order = |name: &str| {
            let order = ExampleOrder::NAMES.into_iter().find(|(other, _)| *other == name).unwrap().1;
            stats.page(order, |_| true, 0..9).items.iter().map(|e| e.image.0).collect::<Vec<_>>()
        };
        assert_eq!(order("image"), [10, 11, 12]);
        assert_eq!(order("learned"), [12, 11, 10]);
        assert_eq!(order("forgotten"), [11, 10, 12]);
        assert_eq!(order("flips"), [11, 10, 12]);
        assert_eq!(order("final_margin"), [12, 11, 10]);
        assert_eq!(order("mean_margin"), [12, 11, 10]);
        let floats = [-2.0_f32, -1.0, -0.0, 0.0, 1e-9, 3.0];
        assert!(floats.is_sorted_by(|&a, &b| ascending(a) < ascending(b)));
    }
}
