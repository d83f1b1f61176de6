//! Labels that are probably wrong.
//!
//! An image whose label is wrong looks like one of another class, so the network says the other class,
//! and continues saying it with confidence. What speaks against is that it often takes images of the one
//! class for the other, so that one more is no surprise.

use std::ops::Range;

use deepviz_corpus::{ClassId, ImageId};

use crate::example_stats::ExampleStats;
use crate::page::Page;

/// An image whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelIssue {
    /// The image.
    pub image: ImageId,
    /// Its label.
    pub label: ClassId,
    /// The predicted class.
    pub predicted: ClassId,
    /// The rank, 0 to 1: `doubt * (1 - sqrt(confusion))`.
    pub score: f32,
    /// The predicted class's probability less the label's, over the later half of the checkpoints.
    pub doubt: f32,
    /// The share of the later checkpoints that say the other class.
    pub agreement: f32,
    /// The share of all images of the label's class that are predicted as the other.
    pub confusion: f32,
}

/// The images whose label is probably wrong, the most suspicious first; of these the ones at `indices` of that order,
/// as far as they exist. `labels` are those of the examples, in order.
pub fn label_issues(stats: &ExampleStats, labels: &[ClassId], indices: Range<usize>) -> Page<LabelIssue> {
    let classes = stats.examples.iter().map(|e| e.predicted).chain(labels.iter().map(|l| l.0)).max();
    let classes = classes.map_or(0, |greatest| usize::from(greatest) + 1);
    let mut counts = vec![0_u32; classes * classes];
    let mut sizes = vec![0_u32; classes];
    for (example, label) in stats.examples.iter().zip(labels) {
        counts[usize::from(label.0) * classes + usize::from(example.predicted)] += 1;
        sizes[usize::from(label.0)] += 1;
    }
    let found: Vec<LabelIssue> = stats
        .examples
        .iter()
        .zip(labels)
        .filter(|(example, label)| example.predicted != label.0 && example.late_margin < 0.0)
        .map(|(example, label)| {
            let (truth, predicted) = (usize::from(label.0), usize::from(example.predicted));
            let confusion = counts[truth * classes + predicted] as f32 / sizes[truth] as f32;
            let doubt = -example.late_margin;
            LabelIssue {
                image: example.image,
                label: *label,
                predicted: ClassId(example.predicted),
                score: doubt * (1.0 - confusion.sqrt()),
                doubt,
                agreement: example.agreement,
                confusion,
            }
        })
        .collect();
    Page::of(found, indices, |a, b| b.score.total_cmp(&a.score).then(a.image.cmp(&b.image)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_stats::Example;

    fn example(image: u32, predicted: u16, late_margin: f32, agreement: f32) -> Example {
        Example {
            image: ImageId(image),
            learned: None,
            forgotten: 0,
            flips: 0,
            right: 0,
            predicted,
            final_margin: late_margin,
            mean_margin: late_margin,
            late_margin,
            agreement,
        }
    }

    #[test]
    fn confident_and_unusual_mistakes_come_first() {
        let mut examples = vec![example(0, 1, -0.9, 1.0), example(1, 2, -0.9, 1.0), example(2, 2, -0.8, 1.0)];
        examples.push(example(3, 0, 0.4, 1.0));
        // Class 0 is often taken for class 2.
        examples.extend((4..10).map(|image| example(image, 2, -0.2, 1.0)));
        let stats = ExampleStats { steps: Vec::new(), examples };
        let found = label_issues(&stats, &[ClassId(0); 10], 0..usize::MAX).items;
        let order: Vec<u32> = found.iter().map(|suspect| suspect.image.0).collect();
        assert_eq!(order, [0, 1, 2, 4, 5, 6, 7, 8, 9], "a right prediction is no suspicion");
        let page = label_issues(&stats, &[ClassId(0); 10], 1..3);
        assert_eq!((page.total, &page.items[..]), (9, &found[1..3]));
        assert!((found[0].confusion - 0.1).abs() < 1e-6);
        assert!((found[0].score - 0.9 * (1.0 - 0.1_f32.sqrt())).abs() < 1e-6);
    }
}
