//! Statistics of each example's predictions, added up checkpoint by checkpoint.

use deepviz_corpus::ImageId;
use deepviz_net::Step;

use super::Example;
use crate::pack::LittleEndian;
use crate::store::Predictions;

/// Margins are kept as 16-bit fixed-point numbers: this one is a margin of 1.
const MARGIN_SCALE: f32 = i16::MAX as f32;
/// In the place of the first correct checkpoint, where the prediction is never correct.
const NEVER_CORRECT: u32 = u32::MAX;

/// One image over all checkpoints, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Record {
    /// Index of the first checkpoint at which the prediction is correct, or [`NEVER_CORRECT`].
    learned: u32,
    /// As in [`Example`], and so are the others without a comment.
    forgotten: u32,
    flips: u32,
    right: u32,
    /// Checkpoints of the later half that predict what the last one predicts.
    agreeing: u32,
    predicted: u16,
    /// In units of 1 / [`MARGIN_SCALE`].
    final_margin: i16,
    mean_margin: f32,
    late_margin: f32,
}

impl LittleEndian for Record {
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
            final_margin: f32::from(self.final_margin) / MARGIN_SCALE,
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
    /// Checkpoints that were added.
    added: usize,
    previous: Option<Predictions>,
}

impl Tally {
    /// An empty tally of `checkpoints` checkpoints, of which `last` is the last.
    pub(crate) fn new(last: &Predictions, checkpoints: usize) -> Self {
        let initial = |(&predicted, &final_margin)| Record {
            learned: NEVER_CORRECT,
            forgotten: 0,
            flips: 0,
            right: 0,
            agreeing: 0,
            predicted,
            final_margin,
            mean_margin: 0.0,
            late_margin: 0.0,
        };
        let records = last.classes.iter().zip(&last.margins).map(initial).collect();
        Self { records, checkpoints, added: 0, previous: None }
    }

    /// Adds the next checkpoint. All have the same number of images, that of the split.
    pub(crate) fn add(&mut self, predictions: Predictions) {
        let late = late_from(self.checkpoints);
        let late_count = (self.checkpoints - late) as f32;
        let entries = self.records.iter_mut().zip(predictions.classes.iter().zip(&predictions.margins)).enumerate();
        for (index, (record, (&class, &margin))) in entries {
            let is_right = margin > 0;
            let margin = f32::from(margin) / MARGIN_SCALE;
            record.mean_margin += margin / self.checkpoints as f32;
            record.right += u32::from(is_right);
            if is_right && record.learned == NEVER_CORRECT {
                record.learned = self.added as u32;
            }
            if let Some(previous) = &self.previous {
                record.flips += u32::from(previous.classes.get(index).is_some_and(|&other| other != class));
                record.forgotten += u32::from(!is_right && previous.margins.get(index).is_some_and(|&other| other > 0));
            }
            if self.added >= late {
                record.late_margin += margin / late_count;
                record.agreeing += u32::from(class == record.predicted);
            }
        }
        self.added += 1;
        self.previous = Some(predictions);
    }

    /// By image, in the order of their ids.
    pub(crate) fn finish(self) -> Vec<Record> {
        self.records
    }
}
