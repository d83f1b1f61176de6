//! Counting what becomes of images, checkpoint by checkpoint.

use deepviz_corpus::ImageId;
use deepviz_net::Step;

use super::Example;
use crate::pack::Number;
use crate::store::Predictions;

/// The code of a margin of 1.
const WHOLE: f32 = i16::MAX as f32;
/// Of an image that is never predicted rightly.
const NEVER: u32 = u32::MAX;

/// One image over all checkpoints, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Record {
    /// Index of the first checkpoint at which the prediction is right, or [`NEVER`].
    learned: u32,
    forgotten: u32,
    flips: u32,
    right: u32,
    /// Checkpoints of the later half that predict what the last one predicts.
    agreeing: u32,
    predicted: u16,
    /// In units of 1 / [`WHOLE`].
    final_margin: i16,
    mean_margin: f32,
    late_margin: f32,
}

impl Number for Record {
    fn little_endian(self) -> Self {
        Self {
            learned: self.learned.to_le(),
            forgotten: self.forgotten.to_le(),
            flips: self.flips.to_le(),
            right: self.right.to_le(),
            agreeing: self.agreeing.to_le(),
            predicted: self.predicted.to_le(),
            final_margin: self.final_margin.to_le(),
            mean_margin: self.mean_margin.little_endian(),
            late_margin: self.late_margin.little_endian(),
        }
    }
}

impl Record {
    /// The statistics of an image over these checkpoints.
    pub(crate) fn example(&self, image: ImageId, steps: &[Step]) -> Example {
        Example {
            image,
            learned: steps.get(self.learned as usize).copied(),
            forgotten: self.forgotten,
            flips: self.flips,
            right: self.right,
            predicted: self.predicted,
            final_margin: f32::from(self.final_margin) / WHOLE,
            mean_margin: self.mean_margin,
            late_margin: self.late_margin,
            agreement: self.agreeing as f32 / (steps.len() - late_from(steps.len())) as f32,
        }
    }
}

/// The first of the later half of the checkpoints.
fn late_from(checkpoints: usize) -> usize {
    checkpoints / 2
}

/// Adds up the predictions of one checkpoint after the other; two of them are held at a time.
pub(crate) struct Tally {
    records: Vec<Record>,
    checkpoints: usize,
    seen: usize,
    before: Option<Predictions>,
}

impl Tally {
    /// An empty tally of `checkpoints` checkpoints, of which `last` is the last.
    pub(crate) fn new(last: &Predictions, checkpoints: usize) -> Self {
        let blank = |(&predicted, &final_margin)| Record {
            learned: NEVER,
            forgotten: 0,
            flips: 0,
            right: 0,
            agreeing: 0,
            predicted,
            final_margin,
            mean_margin: 0.0,
            late_margin: 0.0,
        };
        let records = last.classes.iter().zip(&last.margins).map(blank).collect();
        Self { records, checkpoints, seen: 0, before: None }
    }

    /// Adds the next checkpoint. A corpus has one number of images, so that all are equally long.
    pub(crate) fn add(&mut self, predictions: Predictions) {
        let late = late_from(self.checkpoints);
        let late_count = (self.checkpoints - late) as f32;
        let numbers = self.records.iter_mut().zip(predictions.classes.iter().zip(&predictions.margins)).enumerate();
        for (index, (record, (&class, &code))) in numbers {
            let is_right = code > 0;
            let margin = f32::from(code) / WHOLE;
            record.mean_margin += margin / self.checkpoints as f32;
            record.right += u32::from(is_right);
            if is_right && record.learned == NEVER {
                record.learned = self.seen as u32;
            }
            if let Some(before) = &self.before {
                record.flips += u32::from(before.classes.get(index).is_some_and(|&other| other != class));
                record.forgotten += u32::from(!is_right && before.margins.get(index).is_some_and(|&other| other > 0));
            }
            if self.seen >= late {
                record.late_margin += margin / late_count;
                record.agreeing += u32::from(class == record.predicted);
            }
        }
        self.seen += 1;
        self.before = Some(predictions);
    }

    /// By image, in the order of their ids.
    pub(crate) fn finish(self) -> Vec<Record> {
        self.records
    }
}
