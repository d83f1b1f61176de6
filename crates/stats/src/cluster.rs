//! Clusters of one layer's outputs: what is requested, and what is found.

use std::collections::BTreeMap;

use deepviz_corpus::{ClassId, ImageId};
use deepviz_net::Step;
use ndarray::{Array2, ArrayView1, Axis};

use crate::kmeans::{Fit, Origin};
use crate::metric::Metric;

/// A cluster set: its layer, metric, sizes and origin.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSetInfo {
    /// The layer whose outputs were clustered.
    pub layer: String,
    /// The metric.
    pub metric: Metric,
    /// Number of clusters; some are empty where there are fewer different rows.
    pub clusters: usize,
    /// Nearest images of each cluster at most.
    pub nearest: usize,
    /// Length of a row.
    pub dimensions: usize,
    /// Sum of the squared distances of all images to their centres.
    pub inertia: Option<f64>,
    /// Lloyd steps over all images.
    pub iterations: usize,
    /// Origin of the centres.
    pub origin: Option<Origin>,
    /// The checkpoint whose clusters these continue.
    pub previous_step: Option<Step>,
    /// Why there are no clusters, where it failed.
    pub problem: Option<String>,
}

/// One of the images nearest to a cluster's centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The image.
    pub image: ImageId,
    /// Its distance to the centre (between the scaled rows for [`Metric::Cosine`]).
    pub distance: f32,
}

/// A cluster set in full.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSet {
    /// Layer, metric, sizes and origin.
    pub info: ClusterSetInfo,
    /// Sum of the squared distances of all images to their centres.
    pub inertia: f64,
    /// `[clusters, dimensions]`.
    pub centres: Array2<f32>,
    /// `[clusters, classes]`: members by true class.
    pub mix: Array2<u32>,
    /// Per cluster, nearest first; members only.
    pub nearest: Vec<Vec<Neighbour>>,
}

impl ClusterSet {
    /// Members of each cluster.
    pub fn sizes(&self) -> Vec<u32> {
        sizes(&self.mix)
    }
}

/// The clusters of one checkpoint in a series.
#[derive(Clone, Debug, PartialEq)]
pub struct ClustersAtCheckpoint {
    /// The checkpoint.
    pub step: Step,
    /// Members of each cluster.
    pub sizes: Vec<u32>,
    /// `[clusters, classes]`: members by true class.
    pub mix: Array2<u32>,
}

/// The clusters of a checkpoint's members at the checkpoint before.
#[derive(Clone, Debug, PartialEq)]
pub struct Lineage {
    /// The checkpoint before.
    pub previous_step: Step,
    /// `[clusters, clusters before]`: images that are in the one now and were in the other.
    pub images: Array2<u32>,
}

/// A name for each cluster from its members' classes, `[clusters, classes]`: the commonest class where
/// it has most of the members, else the two or three that have; a number where a name comes again.
pub fn cluster_names(mix: &Array2<u32>, classes: &[String]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let named = mix.rows().into_iter().map(|members| {
        let name = name_of(members, classes);
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times == 1 { name } else { format!("{name} {times}") }
    });
    named.collect()
}

/// The share of the members that the classes in a name have together.
const NAMED: f64 = 0.6;

fn name_of(members: ArrayView1<'_, u32>, classes: &[String]) -> String {
    let size: u32 = members.sum();
    if size == 0 {
        return "empty".to_owned();
    }
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(members[class]));
    let name = |class: usize| classes.get(class).map_or_else(|| class.to_string(), Clone::clone);
    let share =
        |count: usize| order.iter().take(count).map(|&class| f64::from(members[class])).sum::<f64>() / f64::from(size);
    match order[..] {
        [first, ..] if share(1) >= NAMED => name(first),
        [first, second, ..] if share(2) >= NAMED => format!("{} and {}", name(first), name(second)),
        [first, second, third, ..] if share(3) >= NAMED => {
            format!("{}, {} and {}", name(first), name(second), name(third))
        }
        _ => "mixed".to_owned(),
    }
}

pub(crate) fn sizes(mix: &Array2<u32>) -> Vec<u32> {
    mix.sum_axis(Axis(1)).to_vec()
}

/// The images that a fit was made from.
pub(crate) struct Members<'a> {
    pub labels: &'a [ClassId],
    pub classes: usize,
    pub first: ImageId,
}

/// Members of each cluster by true class.
pub(crate) fn mix_of(fit: &Fit, members: &Members<'_>) -> Array2<u32> {
    let mut mix = Array2::zeros((fit.centres.nrows(), members.classes));
    for (&cluster, label) in fit.assignments.iter().zip(members.labels) {
        mix[[usize::from(cluster), usize::from(label.0)]] += 1;
    }
    mix
}

/// The members nearest to each centre.
pub(crate) fn nearest_of(fit: &Fit, members: &Members<'_>, count: usize) -> Vec<Vec<Neighbour>> {
    let mut nearest = vec![Vec::new(); fit.centres.nrows()];
    for ((&cluster, &squared), image) in fit.assignments.iter().zip(&fit.squared_distances).zip(members.first.0..) {
        nearest[usize::from(cluster)].push(Neighbour { image: ImageId(image), distance: squared.sqrt() });
    }
    for cluster in &mut nearest {
        cluster.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.image.cmp(&b.image)));
        cluster.truncate(count);
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn fit() -> Fit {
        Fit {
            centres: array![[0.0], [10.0], [99.0]],
            assignments: vec![0, 0, 1, 0],
            squared_distances: vec![4.0, 1.0, 0.25, 1.0],
            inertia: 6.25,
            iterations: 1,
            origin: Origin::Fresh,
        }
    }

    #[test]
    fn mix_and_nearest_count_members_only() {
        let labels = [0, 1, 1, 1].map(ClassId);
        let members = Members { labels: &labels, classes: 2, first: ImageId(100) };
        let mix = mix_of(&fit(), &members);
        assert_eq!(mix, array![[1, 2], [0, 1], [0, 0]]);
        assert_eq!(sizes(&mix), [3, 1, 0]);
        let nearest = nearest_of(&fit(), &members, 2);
        let images: Vec<Vec<u32>> = nearest.iter().map(|c| c.iter().map(|n| n.image.0).collect()).collect();
        assert_eq!(images, [vec![101, 103], vec![102], vec![]]);
        assert!((nearest[1][0].distance - 0.5).abs() < 1e-7);
    }

    #[test]
    fn names_come_from_the_mix() {
        let classes = ["cat", "dog", "ship", "frog"].map(str::to_owned);
        let mix = array![[7, 2, 1, 0], [4, 4, 1, 1], [9, 0, 0, 0], [0, 0, 0, 0], [3, 3, 2, 2], [5, 5, 5, 5]];
        let names = cluster_names(&mix, &classes);
        assert_eq!(names, ["cat", "cat and dog", "cat 2", "empty", "cat and dog 2", "cat, dog and ship"]);
        let even = Array2::from_elem((1, 9), 1);
        assert_eq!(cluster_names(&even, &[]), ["mixed"]);
    }
}
