//! Blocking work beside the async threads, a limited number at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::problem::ApiError;

/// Slots for blocking work. Forward passes have fewer than there are cores, so that a flood of them
/// cannot starve the pictures under the slider.
pub(crate) struct Work {
    render: Arc<Semaphore>,
    forward: Arc<Semaphore>,
}

/// The kind of work, each with its own slots.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// Reading files and drawing.
    Render,
    /// Applying a network.
    Forward,
}

impl Work {
    /// Slots for this machine.
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { render: Arc::new(Semaphore::new(cores + 1)), forward: Arc::new(Semaphore::new((cores - 1).max(1))) }
    }

    /// Does the work on a blocking thread as soon as a slot is free. A slot stays taken until the work is
    /// done, even if nobody waits any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        load: Load,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let slots = match load {
            Load::Render => &self.render,
            Load::Forward => &self.forward,
        };
        let slot = Arc::clone(slots).acquire_owned().await.map_err(|_| ApiError::internal("the server is stopping"))?;
        spawn_blocking(move || {
            let _slot = slot;
            work()
        })
        .await
        .map_err(|panic| ApiError::internal(format!("work failed: {panic}")))?
    }
}
