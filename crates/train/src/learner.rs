//! Who does the steps: the processor, whose weights are the snapshot's, or a graphics processor, which
//! keeps its own and tells of a step when the next one is under way.

use crate::error::Error;
use crate::images::Images;
use crate::optimiser::Update;
use deepviz_net::cuda::{Begin, Cuda, CudaTrainer, Outgoing, StepInput};
use deepviz_net::{
    Batch, BatchResult, Cpu, Device, Engine, Model, Network, Orthogonaliser, Parameters, Preprocess, Snapshot, View,
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

/// What does the steps.
pub(crate) enum Learner<'a> {
    Cpu(Box<OnCpu>),
    Cuda(Box<OnCuda<'a>>),
}

pub(crate) struct OnCpu {
    engine: Engine,
    gradients: Parameters,
    orthogonal: Orthogonaliser,
}

pub(crate) struct OnCuda<'a> {
    trainer: CudaTrainer,
    /// Every image of the corpus by its number.
    images: Vec<ArrayView3<'a, u8>>,
}

/// A network and what stands before it.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub network: &'a Arc<Network>,
    pub preprocess: &'a Arc<Preprocess>,
}

impl<'a> Learner<'a> {
    pub fn new(
        subject: Subject<'_>,
        images: &'a Images<'a>,
        device: &Device,
        begin: Beginning<'_>,
    ) -> Result<Self, Error> {
        match device {
            Device::Cuda(cuda) => {
                let cuda = cuda.clone().with_precision(begin.update.precision);
                OnCuda::new(subject, images, &cuda, begin).map(|cuda| Self::Cuda(Box::new(cuda)))
            }
            Device::Cpu(cpu) => OnCpu::new(subject, device, cpu).map(|cpu| Self::Cpu(Box::new(cpu))),
            other => Err(Error::Setting {
                setting: "device",
                expected: "one that can train".into(),
                found: format!("{other:?}"),
            }),
        }
    }

    /// Does a step, or sets it going; gives what is known by then: the result of this step, or of the
    /// one before. On the processor the snapshot's weights move.
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
                let batch = Batch { images: &images, labels, views, noise };
                let result = cpu.engine.gradients(&snapshot.parameters, &batch, &mut cpu.gradients)?;
                if result.loss_sum.is_finite() {
                    let state = (&mut snapshot.parameters, &mut snapshot.optimizer);
                    update.apply(&mut cpu.orthogonal, &cpu.gradients, state);
                }
                Ok(Some(result))
            }
            Self::Cuda(cuda) => {
                let rules = update.rules();
                let step = StepInput { ids, labels, views, noise, rules: &rules };
                Ok(cuda.trainer.step(&cuda.images, &step)?)
            }
        }
    }

    /// Waits for the last step; its result, unless it is known.
    pub fn finish(&mut self) -> Result<Option<BatchResult>, Error> {
        match self {
            Self::Cpu(_) => Ok(None),
            Self::Cuda(cuda) => Ok(cuda.trainer.finish()?),
        }
    }

    /// Sets going the copy of what a snapshot holds, where it is not there already.
    pub fn copy_out(&mut self) -> Result<Option<Outgoing>, Error> {
        match self {
            Self::Cpu(_) => Ok(None),
            Self::Cuda(cuda) => Ok(Some(cuda.trainer.copy_out()?)),
        }
    }

    /// What tells class probabilities with the present weights.
    pub fn judge(&self, subject: Subject<'_>, device: &Device, parameters: &Parameters) -> Result<Judge<'_>, Error> {
        match self {
            Self::Cpu(_) => {
                let (network, preprocess) = (Arc::clone(subject.network), Arc::clone(subject.preprocess));
                Ok(Judge::Cpu(Box::new(Model::new(network, preprocess, parameters, device)?)))
            }
            Self::Cuda(cuda) => Ok(Judge::Cuda(&cuda.trainer)),
        }
    }
}

/// What tells class probabilities.
pub(crate) enum Judge<'a> {
    Cpu(Box<Model>),
    Cuda(&'a CudaTrainer),
}

impl Judge<'_> {
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

/// What training begins with.
#[derive(Clone, Copy)]
pub(crate) struct Beginning<'a> {
    pub snapshot: &'a Snapshot,
    pub update: &'a deepviz_net::recipe::TrainRecipe,
}

impl OnCpu {
    fn new(subject: Subject<'_>, device: &Device, cpu: &Cpu) -> Result<Self, Error> {
        let (network, preprocess) = (Arc::clone(subject.network), Arc::clone(subject.preprocess));
        Ok(Self {
            gradients: Parameters::zeros(&network),
            engine: Engine::new(network, preprocess, device)?,
            orthogonal: Orthogonaliser::new(cpu),
        })
    }
}

impl<'a> OnCuda<'a> {
    fn new(subject: Subject<'_>, images: &'a Images<'a>, cuda: &Cuda, begin: Beginning<'_>) -> Result<Self, Error> {
        let images: Vec<_> = (0..).map_while(|id| images.get(id)).collect();
        let Beginning { snapshot, update } = begin;
        // No minibatch holds more images than there are.
        let batch = update.batch.min(images.len());
        let (parameters, state) = (&snapshot.parameters, &snapshot.optimizer);
        let begin = Begin { parameters, state, images: &images, batch };
        let (network, preprocess) = (Arc::clone(subject.network), Arc::clone(subject.preprocess));
        let trainer = CudaTrainer::new(cuda, network, preprocess, update.optimiser, &begin)?;
        if !trainer.is_resident() {
            tracing::info!("the images do not fit into the device's memory and are sent step by step");
        }
        Ok(Self { trainer, images })
    }
}
