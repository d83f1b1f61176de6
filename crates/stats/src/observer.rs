//! What a computation tells while it works.

use deepviz_corpus::Split;
use deepviz_net::Step;

use crate::metric::Metric;

/// Told of every event, in order, on the thread that computes.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event);
}

/// Nobody looks.
impl Observer for () {
    fn event(&mut self, _: &Event) {}
}

/// Something that happened while statistics were computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The work was looked through.
    Planned {
        /// Units to compute.
        units: usize,
        /// Images in them, all together.
        images: u64,
    },
    /// A unit begins.
    Started {
        /// The checkpoint.
        step: Step,
        /// The images.
        split: Split,
        /// How many.
        images: usize,
    },
    /// The network was applied to another chunk of images.
    Images {
        /// Images so far in this unit.
        done: usize,
        /// Images of this unit.
        of: usize,
        /// Mean rate in this unit.
        images_per_s: f64,
    },
    /// A layer is being clustered.
    Clustering {
        /// The layer.
        layer: String,
        /// The metric.
        metric: Metric,
    },
    /// A unit stands in the store.
    Finished {
        /// The checkpoint.
        step: Step,
        /// The images.
        split: Split,
        /// How many.
        images: usize,
        /// Seconds for all of it.
        seconds: f64,
        /// Seconds of these for applying the network.
        forward_seconds: f64,
        /// Seconds of these for clusters.
        cluster_seconds: f64,
    },
    /// A unit could not be computed; the others go on.
    Failed {
        /// The checkpoint.
        step: Step,
        /// The images.
        split: Split,
        /// Why.
        problem: String,
    },
    /// All is computed; the run is still growing.
    Waiting,
}
