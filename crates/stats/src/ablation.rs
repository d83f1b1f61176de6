//! The ablation effects of filters over a unit's images, with progress while they are computed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use deepviz_attribution::ablation::{Atlas, LabelledImages, atlas};
use deepviz_corpus::{ImageId, Split};
use deepviz_net::Model;

use crate::control::Control;
use crate::error::Error;
use crate::job::Job;
use crate::observer::Event;

/// Interval at which progress is reported.
const TELL_INTERVAL: Duration = Duration::from_millis(200);

/// The ablation effects ([`Atlas`]) of some layers' filters over at most `sample` of the split's images, evenly chosen;
/// `None` when told to stop.
pub(crate) fn effects(
    job: &Job<'_>,
    (model, split): (&Model, Split),
    (layers, sample): (&[usize], usize),
    (pool, control): (&rayon::ThreadPool, &mut Control<'_>),
) -> Result<Option<Atlas>, Error> {
    let range = job.corpus.range(split);
    let (all, count) = (range.len(), range.len().min(sample));
    let ids: Vec<ImageId> = (0..count).map(|index| ImageId(range.start + (index * all / count) as u32)).collect();
    let images: Vec<_> = ids.iter().filter_map(|id| job.corpus.pixels(*id)).collect();
    let labels: Vec<u16> = ids.iter().filter_map(|id| job.corpus.label(*id)).map(|class| class.0).collect();
    let of = LabelledImages { images: &images, labels: &labels };
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let started = Instant::now();
    let total = images.len() * layers.len();
    std::thread::scope(|scope| {
        let work = scope.spawn(|| pool.install(|| atlas(model, of, layers, (&done, &stop))));
        while !work.is_finished() {
            std::thread::park_timeout(TELL_INTERVAL);
            if control.is_stopped() {
                stop.store(true, Ordering::Relaxed);
            }
            let done = done.load(Ordering::Relaxed);
            let images_per_s = done as f64 / started.elapsed().as_secs_f64().max(1e-9);
            control.event(&Event::Progress { done, of: total, images_per_s });
        }
        match work.join() {
            Ok(result) => result.map_err(Error::from),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
