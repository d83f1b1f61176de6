//! The description of a computation.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use deepviz_corpus::{Corpus, Split};
use deepviz_net::{Device, Run, Step};

use crate::chosen_layers;
use crate::error::Error;
use crate::kmeans::Kmeans;
use crate::metric::Metric;

/// Most clusters that an assignment can number.
const MAX_CLUSTERS: usize = 1 << 16;

/// A computation: the run, its snapshots and images, and the statistics wanted.
#[derive(Clone)]
pub struct Job<'a> {
    /// The run.
    pub run: &'a Run,
    /// The images that it was trained on.
    pub corpus: &'a Corpus,
    /// Over which of them; the test images come first whatever the order here.
    pub splits: Vec<Split>,
    /// The device that applies the network; on a CPU, with its number of threads.
    pub device: Device,
    /// Clusters of each set.
    pub clusters: usize,
    /// Nearest images kept of each cluster.
    pub nearest: usize,
    /// Layers to cluster, each with a metric; may be empty.
    pub cluster_layers: Vec<(String, Metric)>,
    /// Which implementation of k-means.
    pub kmeans: Kmeans,
    /// Layers whose filters' activity is kept, by index.
    pub activity_layers: Vec<usize>,
    /// Images kept for each filter: the ones that activate it most.
    pub top: usize,
    /// Whether what each class loses without each filter is computed, and over how many test images at most.
    pub ablation: Option<usize>,
    /// Only these checkpoints; all where there is none.
    pub steps: Option<BTreeSet<Step>>,
    /// The file for the statistics, if not the run folder's.
    pub database: Option<PathBuf>,
    /// Compute again what is in the store already.
    pub force: bool,
    /// The longest wait at a stretch for another process that lives; without end where there is none.
    pub wait: Option<Duration>,
}

impl<'a> Job<'a> {
    /// Both splits; the activity of all layers, or of deep networks of some; 30 clusters with 20 nearest images each, of the features before the last fully
    /// connected layer by cosine, and of that layer's outputs by Euclidean distance.
    pub fn new(run: &'a Run, corpus: &'a Corpus, device: Device) -> Self {
        let network = run.network();
        let name = |index: usize| network.layers()[index].name.clone();
        Self {
            run,
            corpus,
            splits: vec![Split::Test, Split::Train],
            device,
            clusters: 30,
            nearest: 20,
            cluster_layers: vec![
                (name(network.features()), Metric::Cosine),
                (name(network.logits()), Metric::Euclidean),
            ],
            kmeans: Kmeans::default(),
            activity_layers: chosen_layers::by_default(network),
            top: 16,
            ablation: None,
            steps: None,
            database: None,
            force: false,
            wait: None,
        }
    }

    /// The splits in the order of work: the small one that tells most comes first.
    pub(crate) fn ordered_splits(&self) -> Vec<Split> {
        [Split::Test, Split::Train]
            .into_iter()
            .filter(|split| self.splits.contains(split) && !self.corpus.range(*split).is_empty())
            .collect()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let info = self.run.info();
        let other = |what, found: String, expected: String| {
            if found == expected {
                return Ok(());
            }
            Err(Error::OtherCorpus { name: self.corpus.name().to_owned(), what, found, expected })
        };
        let is_other = info.corpus.identity != self.corpus.identity();
        let swapped = || info.swapped_classes(&self.corpus.first_images()).filter(|_| is_other);
        if let Some(difference) = info.class_difference(self.corpus.classes()).or_else(swapped) {
            return Err(Error::OtherClasses { name: self.corpus.name().to_owned(), difference });
        }
        other("identity", self.corpus.identity().to_owned(), info.corpus.identity.clone())?;
        if self.clusters == 0 || self.clusters > MAX_CLUSTERS {
            return Err(Error::BadJob { what: "the number of clusters", found: self.clusters, expected: "1 to 65536" });
        }
        let network = self.run.network();
        if self.ablation.is_some() && network.is_external() {
            return Err(deepviz_attribution::Error::from(deepviz_net::Error::NoGradients).into());
        }
        for (layer, _) in &self.cluster_layers {
            if network.index_of(layer).is_none() {
                let known: Vec<&str> = network.layers().iter().map(|l| l.name.as_str()).collect();
                return Err(Error::UnknownLayer { layer: layer.clone(), known: known.join(", ") });
            }
        }
        Ok(())
    }
}
