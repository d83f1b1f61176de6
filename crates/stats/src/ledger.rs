//! The ledger of examples: what became of every image over the checkpoints.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use deepviz_corpus::{ImageId, Split};
use deepviz_net::Step;

use crate::error::Error;
use crate::store::{Predictions, Store};

/// What a margin's code stands for at 1.
const WHOLE: f32 = i16::MAX as f32;

/// One image over all checkpoints with statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Example {
    /// The image.
    pub image: ImageId,
    /// The first checkpoint at which its prediction is right.
    pub learned: Option<Step>,
    /// How often a right prediction is followed by a wrong one.
    pub forgotten: u32,
    /// How often the predicted class changes.
    pub flips: u32,
    /// At how many checkpoints its prediction is right.
    pub right: u32,
    /// The predicted class at the last checkpoint.
    pub predicted: u16,
    /// `p(true class)` less the greatest other probability, at the last checkpoint.
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
pub struct Ledger {
    /// The checkpoints it is made from.
    pub steps: Vec<Step>,
    /// By image, in the order of their ids.
    pub examples: Vec<Example>,
}

/// Images that moved from one cell of the confusion matrix to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The class predicted at the first checkpoint.
    pub from: u16,
    /// The class predicted at the second.
    pub to: u16,
    /// The images, in the order of their ids, and whether the second prediction is right.
    pub images: Vec<(ImageId, Verdict)>,
}

/// Which of two predictions is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The second only.
    Learned,
    /// The first only.
    Forgotten,
    /// Neither.
    Wrong,
}

impl Store {
    /// What became of every image of a split; empty where there are no statistics.
    pub fn ledger(&self, split: Split) -> Result<Ledger, Error> {
        Ok(ledger_of(&self.predictions(split)?))
    }

    /// Which images of a split are predicted differently at two checkpoints; `None` where one of them
    /// has no statistics.
    pub fn moves(&self, split: Split, from: Step, to: Step) -> Result<Option<Vec<Move>>, Error> {
        let (Some(from), Some(to)) = (self.predictions_at(from, split)?, self.predictions_at(to, split)?) else {
            return Ok(None);
        };
        Ok(Some(moves_of(&from, &to)))
    }
}

fn ledger_of(moments: &[Predictions]) -> Ledger {
    // A corpus has one number of images, so that all moments are equally long.
    let (Some(last), Some(first)) = (moments.last(), moments.first().map(|moment| moment.first)) else {
        return Ledger::default();
    };
    let late = moments.len() / 2;
    let late_count = (moments.len() - late) as f32;
    let blank = |(image, (&predicted, &margin)): (u32, (&u16, &i16))| Example {
        image: ImageId(image),
        learned: None,
        forgotten: 0,
        flips: 0,
        right: 0,
        predicted,
        final_margin: f32::from(margin) / WHOLE,
        mean_margin: 0.0,
        late_margin: 0.0,
        agreement: 0.0,
    };
    let mut examples: Vec<Example> = (first.0..).zip(last.classes.iter().zip(&last.margins)).map(blank).collect();
    for (index, moment) in moments.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &moments[before]);
        for (place, (example, (&class, &code))) in
            examples.iter_mut().zip(moment.classes.iter().zip(&moment.margins)).enumerate()
        {
            let is_right = code > 0;
            let margin = f32::from(code) / WHOLE;
            example.mean_margin += margin / moments.len() as f32;
            example.right += u32::from(is_right);
            if is_right && example.learned.is_none() {
                example.learned = Some(moment.step);
            }
            if let Some(before) = before {
                example.flips += u32::from(before.classes[place] != class);
                example.forgotten += u32::from(before.margins[place] > 0 && !is_right);
            }
            if index >= late {
                example.late_margin += margin / late_count;
                example.agreement += f32::from(u8::from(class == example.predicted)) / late_count;
            }
        }
    }
    Ledger { steps: moments.iter().map(|moment| moment.step).collect(), examples }
}

fn moves_of(from: &Predictions, to: &Predictions) -> Vec<Move> {
    let mut moves: BTreeMap<(u16, u16), Vec<(ImageId, Verdict)>> = BTreeMap::new();
    let pairs = from.classes.iter().zip(&from.margins).zip(to.classes.iter().zip(&to.margins));
    for (image, ((&before, &old), (&after, &new))) in (from.first.0..).zip(pairs) {
        if before != after {
            let verdict = match (old > 0, new > 0) {
                (_, true) => Verdict::Learned,
                (true, _) => Verdict::Forgotten,
                _ => Verdict::Wrong,
            };
            moves.entry((before, after)).or_default().push((ImageId(image), verdict));
        }
    }
    let mut moves: Vec<Move> = moves.into_iter().map(|((from, to), images)| Move { from, to, images }).collect();
    moves.sort_by(|a, b| b.images.len().cmp(&a.images.len()).then((a.from, a.to).cmp(&(b.from, b.to))));
    moves
}

/// What a ledger can be sorted by; the most telling images come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerOrder {
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

impl LedgerOrder {
    /// Every order with its name in URLs.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("image", Self::Image),
        ("learned", Self::Learned),
        ("forgotten", Self::Forgotten),
        ("flips", Self::Flips),
        ("final_margin", Self::FinalMargin),
        ("mean_margin", Self::MeanMargin),
    ];

    /// Which of two images comes first.
    pub fn compare(self, a: &Example, b: &Example) -> Ordering {
        let order = match self {
            Self::Image => Ordering::Equal,
            // Never counts as later than any checkpoint.
            Self::Learned => (b.learned.is_none(), b.learned).cmp(&(a.learned.is_none(), a.learned)),
            Self::Forgotten => b.forgotten.cmp(&a.forgotten),
            Self::Flips => b.flips.cmp(&a.flips),
            Self::FinalMargin => a.final_margin.total_cmp(&b.final_margin),
            Self::MeanMargin => a.mean_margin.total_cmp(&b.mean_margin),
        };
        order.then(a.image.cmp(&b.image))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(step: u64, classes: [u16; 3], margins: [i16; 3]) -> Predictions {
        Predictions { step: Step(step), first: ImageId(10), classes: classes.into(), margins: margins.into() }
    }

    fn story() -> [Predictions; 4] {
        let whole = i16::MAX;
        [
            moment(0, [1, 2, 0], [-whole, -whole, whole]),
            moment(5, [0, 2, 0], [whole, -whole, whole]),
            moment(10, [1, 2, 0], [-whole, -whole, whole]),
            moment(15, [0, 2, 1], [whole, -whole, 0]),
        ]
    }

    #[test]
    fn learning_forgetting_and_margins_are_counted() {
        let ledger = ledger_of(&story());
        assert_eq!(ledger.steps, [0, 5, 10, 15].map(Step));
        let [a, b, c] = ledger.examples[..] else { panic!("three images") };
        assert_eq!((a.image, a.learned, a.forgotten, a.flips, a.right), (ImageId(10), Some(Step(5)), 1, 3, 2));
        assert_eq!((b.learned, b.forgotten, b.flips, b.right, b.predicted), (None, 0, 0, 0, 2));
        assert_eq!((c.learned, c.forgotten, c.flips, c.right, c.predicted), (Some(Step(0)), 1, 1, 3, 1));
        assert!((a.mean_margin).abs() < 1e-6 && (a.final_margin - 1.0).abs() < 1e-6);
        assert!((b.late_margin + 1.0).abs() < 1e-6 && (b.agreement - 1.0).abs() < 1e-6);
        assert!((c.late_margin - 0.5).abs() < 1e-6 && (c.agreement - 0.5).abs() < 1e-6);
        let mut examples = [c, a, b];
        examples.sort_by(|x, y| LedgerOrder::Learned.compare(x, y));
        assert_eq!(examples.map(|e| e.image.0), [11, 10, 12]);
        assert_eq!(ledger_of(&[]), Ledger::default());
    }

    #[test]
    fn moves_tell_what_was_learned_and_forgotten() {
        let story = story();
        let moves = moves_of(&story[0], &story[3]);
        let found: Vec<_> = moves.iter().map(|m| (m.from, m.to, &m.images[..])).collect();
        assert_eq!(
            found,
            [(0, 1, &[(ImageId(12), Verdict::Forgotten)][..]), (1, 0, &[(ImageId(10), Verdict::Learned)][..]),]
        );
        assert!(moves_of(&story[0], &story[0]).is_empty());
    }
}
