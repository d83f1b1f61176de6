//! Training steps on a device: the CPU, whose weights are the snapshot's, or a GPU, which keeps its own and gives the
//! result of a step when the next one has been started.

use crate::error::Error;
use crate::images::Images;
use deepviz_net::cuda::{Begin, Cuda, CudaTrainer, Outgoing, StepInput};
use deepviz_net::recipe::TrainRecipe;
use deepviz_net::{
    Batch, BatchResult, Cpu, CpuOptimiser, Device, Engine, Model, Network, Parameters, Preprocess, Snapshot,
    TrainingState, Update, View,
};
use ndarray::{Array2, ArrayView3};
use std::sync::Arc;

/// One minibatch.
pub(crate) struct Minibatch<'a> {
    pub ids: &'a [u32],
    pub labels: &'a [u16],
    pub views: &'a [View],
    pub noise: u64,
}

/// Executes training steps.
pub(crate) enum StepExecutor<'a> {
    Cpu(Box<CpuExecutor>),
    Cuda(Box<CudaExecutor<'a>>),
}

pub(crate) struct CpuExecutor {
    engine: Engine,
    preprocess: Arc<Preprocess>,
    device: Device,
    gradients: Parameters,
    label_smoothing: f32,
    optimiser: CpuOptimiser,
}

pub(crate) struct CudaExecutor<'a> {
    trainer: CudaTrainer,
    /// Every image of the corpus by its number.
    images: Vec<ArrayView3<'a, u8>>,
}

/// The state that training begins with.
#[derive(Clone, Copy)]
pub(crate) struct InitialState<'a> {
    pub network: &'a Arc<Network>,
    pub preprocess: &'a Arc<Preprocess>,
    pub snapshot: &'a Snapshot,
    pub train: &'a TrainRecipe,
}

impl<'a> StepExecutor<'a> {
    pub fn new(images: &'a Images<'a>, device: &Device, initial: InitialState<'_>) -> Result<Self, Error> {
        match device {
            Device::Cuda(cuda) => {
                let cuda = cuda.clone().with_precision(initial.train.precision);
                CudaExecutor::new(images, &cuda, initial).map(|cuda| Self::Cuda(Box::new(cuda)))
            }
            Device::Cpu(cpu) => CpuExecutor::new(device, cpu, initial).map(|cpu| Self::Cpu(Box::new(cpu))),
            other => Err(Error::Setting {
                setting: "device",
                expected: "one that can train".into(),
                found: format!("{other:?}"),
            }),
        }
    }

    /// Executes a step, or starts it; gives the result that is known by then, of this step or of the one before.
    /// On the CPU the snapshot's weights change.
    pub fn step(
        &mut self,
        snapshot: &mut Snapshot,
        images: &Images<'_>,
        batch: &Minibatch<'_>,
        update: &Update<'_>,
    ) -> Result<Option<BatchResult>, Error> {
        let Minibatch { ids, labels, views, noise } = *batch;
        match self {
            Self::Cpu(cpu) => {
                let images: Vec<_> = ids.iter().filter_map(|id| images.get(*id)).collect();
                let label_smoothing = cpu.label_smoothing;
                let batch = Batch { images: &images, labels, views, noise, label_smoothing };
                let result = cpu.engine.gradients(&snapshot.parameters, &batch, &mut cpu.gradients)?;
                if result.loss_sum.is_finite() {
                    let mut state = TrainingState {
                        parameters: std::mem::take(&mut snapshot.parameters),
                        optimiser: std::mem::take(&mut snapshot.optimizer),
                    };
                    let network = Arc::clone(cpu.engine.network());
                    let updated = cpu.optimiser.update(&network, update, &cpu.gradients, &mut state);
                    (snapshot.parameters, snapshot.optimizer) = (state.parameters, state.optimiser);
                    updated?;
                }
                Ok(Some(result))
            }
            Self::Cuda(cuda) => {
                let step = StepInput { ids, labels, views, noise, update: *update };
                Ok(cuda.trainer.step(&cuda.images, &step)?)
            }
        }
    }

    /// Waits for the last step; its result, unless it was given already.
    pub fn finish(&mut self) -> Result<Option<BatchResult>, Error> {
        match self {
            Self::Cpu(_) => Ok(None),
            Self::Cuda(cuda) => Ok(cuda.trainer.finish()?),
        }
    }

    /// Starts the download of what a snapshot holds, where the snapshot does not hold it already.
    pub fn copy_out(&mut self) -> Result<Option<Outgoing>, Error> {
        match self {
            Self::Cpu(_) => Ok(None),
            Self::Cuda(cuda) => Ok(Some(cuda.trainer.copy_out()?)),
        }
    }

    /// The network with the present weights, which are `parameters` on the CPU and the device's own on a GPU.
    pub fn evaluator(&self, parameters: &Parameters) -> Result<Evaluator<'_>, Error> {
        match self {
            Self::Cpu(cpu) => {
                let (network, preprocess) = (Arc::clone(cpu.engine.network()), Arc::clone(&cpu.preprocess));
                Ok(Evaluator::Cpu(Box::new(Model::new(network, preprocess, parameters, &cpu.device)?)))
            }
            Self::Cuda(cuda) => Ok(Evaluator::Cuda(&cuda.trainer)),
        }
    }
}

/// Computes class probabilities.
pub(crate) enum Evaluator<'a> {
    Cpu(Box<Model>),
    Cuda(&'a CudaTrainer),
}

impl Evaluator<'_> {
    /// A row of probabilities for one view of each image.
    pub fn probabilities(&self, images: &[ArrayView3<'_, u8>], views: &[View]) -> Result<Array2<f32>, Error> {
        match self {
            Self::Cuda(trainer) => Ok(trainer.probabilities(images, views)?),
            Self::Cpu(model) => {
                let output = [model.network().output()];
                let mut found = model.forward_views(images, views, &output)?;
                Ok(found.pop().unwrap_or_default())
            }
        }
    }
}

impl CpuExecutor {
    fn new(device: &Device, cpu: &Cpu, initial: InitialState<'_>) -> Result<Self, Error> {
        let InitialState { network, preprocess, train, .. } = initial;
        Ok(Self {
            engine: Engine::new(Arc::clone(network), Arc::clone(preprocess), device)?,
            preprocess: Arc::clone(preprocess),
            device: device.clone(),
            gradients: Parameters::zeros(network),
            label_smoothing: train.label_smoothing as f32,
            optimiser: CpuOptimiser::new(cpu),
        })
    }
}

impl<'a> CudaExecutor<'a> {
    fn new(images: &'a Images<'a>, cuda: &Cuda, initial: InitialState<'_>) -> Result<Self, Error> {
        let images: Vec<_> = (0..).map_while(|id| images.get(id)).collect();
        let InitialState { network, preprocess, snapshot, train } = initial;
        // No minibatch holds more images than there are.
        let batch = train.batch.min(images.len());
        let (parameters, state) = (&snapshot.parameters, &snapshot.optimizer);
        let label_smoothing = train.label_smoothing as f32;
        let begin = Begin { parameters, state, images: &images, batch, label_smoothing };
        let (network, preprocess) = (Arc::clone(network), Arc::clone(preprocess));
        let trainer = CudaTrainer::new(cuda, network, preprocess, train.optimiser.kind, &begin)?;
        if !trainer.is_resident() {
            tracing::info!("the images do not fit into the device's memory and are sent step by step");
        }
        Ok(Self { trainer, images })
    }
}
