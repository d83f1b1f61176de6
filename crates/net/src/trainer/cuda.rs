//! Training with images, weights and optimiser in a GPU's memory. For every step the host sends the ids of the images,
//! their views and the learning rates, and gets loss and errors one step later.

use super::download::PendingDownload;
use super::step::{InitialState, TrainingStep};
use crate::device::cuda::{Cuda, Memory};
use crate::error::Error;
use crate::execute::BatchResult;
use crate::execute::cuda::images::{DeviceView, Images, Preprocessing, device_views, padded};
use crate::execute::cuda::{Buffers, Pass, Training, Weights};
use crate::input::InputTransform;
use crate::input::View;
use crate::network::Network;
use crate::optimiser::{CudaOptimiser, OptimiserSettings, TrainingState, UpdateArrays};
use crate::training_spec::TrainingSpec;
use cudarc::driver::{CudaEvent, CudaGraph, CudaStream, PinnedHostSlice, sys};
use ndarray::{Array2, ArrayView3};
use std::fmt;
use std::sync::Arc;

/// A network being trained on a GPU.
pub(super) struct CudaTrainer {
    on: Cuda,
    network: Arc<Network>,
    settings: OptimiserSettings,
    optimiser: CudaOptimiser,
    label_smoothing: f32,
    preprocessing: Preprocessing,
    /// All images, where the device has room for them.
    resident: Option<Memory<u8>>,
    weights: Weights,
    gradients: Weights,
    space: Buffers,
    input: StepInput,
    /// Loss and error of every image, and their sums.
    losses: [Memory<f64>; 3],
    /// Loss and errors of two steps, in turn.
    results: [StepResult; 2],
    /// Steps done so far.
    steps: usize,
    /// The last one's result was not read yet.
    is_pending: bool,
    graphs: Vec<CapturedStep>,
    /// The stream on which `shadow` is copied to the host.
    copies: Arc<CudaStream>,
    /// A copy on the device of what a snapshot holds, so that the next step may change the original.
    shadow: Option<Memory<f32>>,
}

/// Memory of the host that the device writes into, and what tells when it has: cudarc's own events are
/// switched off with the rest of its tracking.
struct StepResult {
    host: PinnedHostSlice<f64>,
    done: CudaEvent,
}

/// A step's sequence of kernels for batches of one size.
struct CapturedStep {
    images: usize,
    /// Whether views change brightness or contrast.
    coloured: bool,
    /// Nothing until the sequence has run once, for libraries get ready then.
    graph: Option<CudaGraph>,
    /// It cannot be captured, and is launched kernel by kernel.
    is_refused: bool,
}

/// Where a step's input lies on the device.
struct StepInput {
    /// The images themselves, where they are not resident.
    pixels: Memory<u8>,
    ids: Memory<u32>,
    views: Memory<DeviceView>,
    labels: Memory<u16>,
    noise: Memory<u64>,
}

impl fmt::Debug for CudaTrainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CudaTrainer({} layers, {:?})", self.network.layers().len(), self.on)
    }
}

impl Drop for CudaTrainer {
    /// Waits, so that no memory is released while a copy still reads it.
    fn drop(&mut self) {
        self.on.stream().join(&self.copies).ok();
        self.on.stream().synchronize().ok();
    }
}

impl CudaTrainer {
    /// Puts everything on the device. The images stay in the host's memory where the device lacks room for all of them;
    /// they are then sent step by step.
    pub fn new(
        on: &Cuda,
        train: &TrainingSpec,
        initial: InitialState,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Self, Error> {
        let InitialState { network, preprocess, state: TrainingState { parameters, optimiser } } = initial;
        let settings = train.optimiser;
        // No minibatch holds more images than there are.
        let batch = train.batch.min(images.len());
        let on = &on.clone().with_precision(train.precision).with_own_stream()?;
        let mut weights = Weights::zeros(on, &network)?;
        weights.upload(on, &network, &parameters)?;
        let space = Buffers::new(on, &network, batch, true)?;
        let resident = resident(on, network.transform(), images)?;
        if resident.is_none() {
            tracing::info!("the images do not fit into the device's memory and are sent step by step");
        }
        let own_pixels = if resident.is_some() { 0 } else { batch * network.image().len() };
        let result = || {
            let host = on.pinned(2)?;
            Ok::<_, Error>(StepResult { host, done: on.context().new_event(None).map_err(on.failed("make an event"))? })
        };
        Ok(Self {
            gradients: Weights::zeros(on, &network)?,
            optimiser: CudaOptimiser::new(on, &network, settings.kind, &optimiser)?,
            preprocessing: Preprocessing::new(on, &network, preprocess, batch)?,
            input: StepInput {
                pixels: Memory::zeros(on, own_pixels)?,
                ids: Memory::of(on, &(0..batch as u32).collect::<Vec<_>>())?,
                views: Memory::zeros(on, batch)?,
                labels: Memory::zeros(on, batch)?,
                noise: Memory::zeros(on, 1)?,
            },
            losses: [Memory::zeros(on, batch)?, Memory::zeros(on, batch)?, Memory::zeros(on, 2)?],
            results: [result()?, result()?],
            shadow: None,
            copies: on.stream().fork().map_err(on.failed("make a stream"))?,
            on: on.clone(),
            network,
            settings,
            label_smoothing: train.label_smoothing as f32,
            resident,
            weights,
            space,
            steps: 0,
            is_pending: false,
            graphs: Vec::new(),
        })
    }

    /// Starts a step, and gives loss and errors of the one before, if there was one whose result was not taken.
    pub fn step(&mut self, step: &TrainingStep<'_>) -> Result<Option<BatchResult>, Error> {
        let coloured = self.send(step)?;
        let count = step.ids.len();
        self.launch(count, coloured)?;
        let slot = self.steps % 2;
        let StepResult { host, done } = &mut self.results[slot];
        let copied = self.on.stream().memcpy_dtoh(self.losses[2].slice(), host);
        copied.and_then(|()| done.record(self.on.stream())).map_err(self.on.failed("copy a result"))?;
        self.steps += 1;
        let before = if self.is_pending { Some(self.result(1 - slot)?) } else { None };
        self.is_pending = true;
        Ok(before)
    }

    /// Waits for the last step; its loss and errors, unless they were taken.
    pub fn finish(&mut self) -> Result<Option<BatchResult>, Error> {
        if !std::mem::take(&mut self.is_pending) {
            return Ok(None);
        }
        let slot = (self.steps - 1) % 2;
        self.result(slot).map(Some)
    }

    /// Begins to copy weights, running statistics and the optimiser's arrays out, as they are after the
    /// steps so far; further steps may follow at once. Those that an earlier call still copies are waited
    /// for.
    pub fn copy_out(&mut self) -> Result<PendingDownload, Error> {
        let on = &self.on;
        let length: usize = self.arrays().map(Memory::len).sum();
        let mut host = on.pinned(length)?;
        let mut shadow = match self.shadow.take() {
            Some(shadow) => shadow,
            None => Memory::zeros(on, length)?,
        };
        // The last copy out of it is done before it is overwritten.
        on.stream().join(&self.copies).map_err(on.failed("wait for a copy"))?;
        let mut first = 0;
        for array in self.arrays() {
            let mut to = shadow.slice_mut().slice_mut(first..first + array.len());
            on.stream().memcpy_dtod(array.slice(), &mut to).map_err(on.failed("copy on the device"))?;
            first += array.len();
        }
        self.copies.join(on.stream()).map_err(on.failed("wait for a copy"))?;
        let waiting = sys::CUevent_flags::CU_EVENT_BLOCKING_SYNC;
        let done = on.context().new_event(Some(waiting)).map_err(on.failed("make an event"))?;
        let copied = self.copies.memcpy_dtoh(shadow.slice(), &mut host);
        copied.and_then(|()| done.record(&self.copies)).map_err(on.failed("copy from the device"))?;
        self.shadow = Some(shadow);
        let (network, optimiser) = (Arc::clone(&self.network), self.settings.kind);
        Ok(PendingDownload { done, host, network, optimiser, on: on.clone() })
    }

    /// Every array that a snapshot holds: weights and statistics, then the optimiser's.
    fn arrays(&self) -> impl Iterator<Item = &Memory<f32>> {
        self.weights.memory.iter().chain(self.optimiser.state())
    }

    /// Class probabilities of one view of each image, with the present weights and running statistics.
    pub fn probabilities(&self, images: &[ArrayView3<'_, u8>], views: &[View]) -> Result<Array2<f32>, Error> {
        let (on, network) = (&self.on, &*self.network);
        let (classes, output) = (network.classes(), network.output());
        self.preprocessing.check(network, images, views)?;
        let mut rows = Vec::with_capacity(images.len() * classes);
        for (images, views) in images.chunks(self.space.images).zip(views.chunks(self.space.images)) {
            let count = images.len();
            let bytes = Memory::of(on, &network.transform().bytes(images)?)?;
            // Always as many, so that cuDNN measures its algorithms once.
            let (ids, views, coloured) = padded(views, self.space.images);
            let (ids, views) = (Memory::of(on, &ids)?, Memory::of(on, &views)?);
            let seen = Images { pixels: bytes.at(), ids: ids.at(), views: views.at(), count: ids.len(), coloured };
            self.preprocessing.run(on, network, seen, self.space.activation(0).at())?;
            let (space, weights) = (&self.space, &self.weights);
            Pass { on, network, space, weights, images: ids.len(), training: None }.forward(output)?;
            rows.extend(space.activation(output).read(on, count * classes)?);
        }
        let shape = (images.len(), classes);
        Array2::from_shape_vec(shape, rows).map_err(|error| Error::Input {
            what: "probabilities",
            expected: format!("{shape:?}"),
            found: error.to_string(),
        })
    }

    /// Sends a step's input; gives whether its views change colours.
    fn send(&mut self, step: &TrainingStep<'_>) -> Result<bool, Error> {
        let (on, input) = (&self.on, &mut self.input);
        let (max, found) = (self.space.images, step.ids.len());
        if found == 0 || found > max {
            let (expected, found) = (format!("1 to {max}"), found.to_string());
            return Err(Error::Input { what: "number of images of a step", expected, found });
        }
        self.preprocessing.check(&self.network, step.images, step.views)?;
        if self.resident.is_some() {
            input.ids.write(on, step.ids)?;
        } else {
            input.pixels.write(on, &self.network.transform().bytes(step.images)?)?;
        }
        let (views, coloured) = device_views(step.views);
        input.views.write(on, &views)?;
        input.labels.write(on, step.labels)?;
        input.noise.write(on, &[step.noise])?;
        self.optimiser.write_params(on, &step.update(&self.settings).params_of(&self.network))?;
        Ok(coloured)
    }

    /// Runs the step's sequence: by itself the first time, captured and as a graph from then on.
    fn launch(&mut self, images: usize, coloured: bool) -> Result<(), Error> {
        let known = self.graphs.iter().position(|known| known.images == images && known.coloured == coloured);
        let Some(at) = known else {
            self.sequence(images, coloured)?;
            self.graphs.push(CapturedStep { images, coloured, graph: None, is_refused: false });
            return Ok(());
        };
        if self.graphs[at].graph.is_none() && !self.graphs[at].is_refused {
            let stream = self.on.stream();
            let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
            stream.begin_capture(mode).map_err(self.on.failed("capture a step"))?;
            let captured = self.sequence(images, coloured);
            let flags = sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
            let graph = stream.end_capture(flags).map_err(self.on.failed("capture a step"));
            match captured.and(graph) {
                Ok(Some(graph)) => self.graphs[at].graph = Some(graph),
                other => {
                    let reason =
                        other.err().map_or_else(|| "nothing was captured".to_owned(), |error| error.to_string());
                    tracing::warn!(reason, "a step cannot be captured into a graph; it is launched kernel by kernel");
                    self.graphs[at].is_refused = true;
                }
            }
        }
        match &self.graphs[at].graph {
            Some(graph) => graph.launch().map_err(self.on.failed("launch a step")),
            None => self.sequence(images, coloured),
        }
    }

    /// Everything of a step that the device does.
    fn sequence(&self, images: usize, coloured: bool) -> Result<(), Error> {
        let (on, network, input) = (&self.on, &*self.network, &self.input);
        let pixels = self.resident.as_ref().unwrap_or(&input.pixels).at();
        let seen = Images { pixels, ids: input.ids.at(), views: input.views.at(), count: images, coloured };
        self.preprocessing.run(on, network, seen, self.space.activation(0).at())?;
        let training = Training {
            noise: input.noise.at(),
            gradients: &self.gradients,
            labels: input.labels.at(),
            losses: [0, 1, 2].map(|index: usize| self.losses[index].at()),
            label_smoothing: self.label_smoothing,
        };
        let (space, weights) = (&self.space, &self.weights);
        let pass = Pass { on, network, space, weights, images, training: Some(training) };
        pass.forward(network.output())?;
        pass.backward(training)?;
        let arrays = UpdateArrays { weights: &weights.memory, gradients: &self.gradients.memory };
        self.optimiser.update(on, network, arrays)
    }

    /// Waits for a step and reads its loss and errors.
    fn result(&self, slot: usize) -> Result<BatchResult, Error> {
        let StepResult { host, done } = &self.results[slot];
        done.synchronize().map_err(self.on.failed("compute"))?;
        let values = host.as_slice().map_err(self.on.failed("read a result"))?;
        Ok(BatchResult { loss_sum: values[0], errors: values[1] })
    }
}

/// All images on the device, if they leave it half of its free memory.
fn resident(on: &Cuda, transform: InputTransform, images: &[ArrayView3<'_, u8>]) -> Result<Option<Memory<u8>>, Error> {
    let bytes = images.len() * transform.shape().len();
    let (free, _) = on.memory()?;
    if bytes > free / 2 {
        return Ok(None);
    }
    Memory::of(on, &transform.bytes(images)?).map(Some)
}
