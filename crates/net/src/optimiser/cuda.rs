//! The update of the weights on a GPU.

use super::muon::{MuonArrays, MuonWorkspace, is_matrix};
use super::settings::Optimiser;
use super::update_params::UpdateParams;
use crate::device::cuda::{Arg, Cuda, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::execute::cuda::to_device;
use crate::network::Network;
use crate::ops::ParameterSpec;
use crate::parameters::Parameters;
use cudarc::driver::{DeviceRepr, ValidAsZeroBits};

// SAFETY: floats and an integer, laid out as the kernels' struct of the same name.
#[expect(unsafe_code, reason = "copied to the device byte by byte")]
unsafe impl DeviceRepr for UpdateParams {}
// SAFETY: zeros are numbers.
#[expect(unsafe_code, reason = "copied to the device byte by byte")]
unsafe impl ValidAsZeroBits for UpdateParams {}

/// An optimiser on a GPU, with the arrays that it keeps from step to step.
#[derive(Debug)]
pub(crate) struct CudaOptimiser {
    kind: Optimiser,
    /// In the order of [`Parameters::optimiser_state`], each in the layout of its parameter.
    state: Vec<Memory<f32>>,
    muon: Option<MuonWorkspace>,
    /// The rates and factors of every parameter of the network, for the present step.
    params: Memory<UpdateParams>,
}

/// The arrays of every parameter of a network, in its order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateArrays<'a> {
    pub weights: &'a [Memory<f32>],
    pub gradients: &'a [Memory<f32>],
}

impl CudaOptimiser {
    /// Puts the optimiser's arrays on the device.
    ///
    /// # Errors
    /// [`Error::Tensor`] where one is missing, and what the device says.
    pub fn new(on: &Cuda, network: &Network, kind: Optimiser, state: &Parameters) -> Result<Self, Error> {
        Ok(Self {
            kind,
            params: Memory::zeros(on, network.parameters().count())?,
            state: upload(on, network, kind, state)?,
            muon: if kind == Optimiser::Muon { MuonWorkspace::new(on, network)? } else { None },
        })
    }

    /// The optimiser's arrays.
    pub fn state(&self) -> &[Memory<f32>] {
        &self.state
    }

    /// Sends the rates and factors of the next step.
    pub fn write_params(&mut self, on: &Cuda, params: &[UpdateParams]) -> Result<(), Error> {
        self.params.write(on, params)
    }

    /// Starts the update of every parameter.
    pub fn update(&self, on: &Cuda, network: &Network, arrays: UpdateArrays<'_>) -> Result<(), Error> {
        let mut state = self.state.iter().map(Memory::at);
        for (index, spec) in network.parameters().enumerate() {
            let (weights, gradient) = (arrays.weights[index].at(), arrays.gradients[index].at());
            if !spec.is_learnt() {
                let momentum = Arg::Float(spec.rate_factor as f32);
                let args = [weights.into(), gradient.into(), spec.len().into(), momentum];
                on.launch("follow", Grid::ThreadPerElement(spec.len()), &args)?;
                continue;
            }
            let own: Vec<DeviceAddress> = state.by_ref().take(self.kind.state().len()).collect();
            // Nine numbers of four bytes for every parameter.
            let params = self.params.at().plus(index * size_of::<UpdateParams>() / size_of::<f32>());
            self.update_one(on, spec, OneParameter { weights, gradient, state: &own, params })?;
        }
        Ok(())
    }

    fn update_one(&self, on: &Cuda, spec: &ParameterSpec, one: OneParameter<'_>) -> Result<(), Error> {
        let OneParameter { weights, gradient, state, params } = one;
        let kernel = match self.kind {
            Optimiser::CudaConvnet => "update_cuda_convnet",
            Optimiser::Pytorch => "update_pytorch",
            Optimiser::AdaGrad => "update_adagrad",
            Optimiser::AdamW => "update_adamw",
            Optimiser::Muon if is_matrix(spec) => {
                return match (&self.muon, state) {
                    (Some(workspace), &[velocity]) => {
                        workspace.update(on, spec, MuonArrays { weights, gradient, velocity }, params)
                    }
                    _ => Err(Error::internal("no memory or no velocity for an update by Muon".into())),
                };
            }
            Optimiser::Nesterov | Optimiser::Muon => "update_nesterov",
        };
        let state = state.iter().map(|at| Arg::from(*at));
        let args: Vec<Arg> = [weights.into()]
            .into_iter()
            .chain(state)
            .chain([gradient.into(), Arg::long(spec.len()), params.into()])
            .collect();
        on.launch(kernel, Grid::ThreadPerElement(spec.len()), &args)
    }
}

/// Where a parameter's arrays and its [`UpdateParams`] are.
#[derive(Clone, Copy)]
struct OneParameter<'a> {
    weights: DeviceAddress,
    gradient: DeviceAddress,
    state: &'a [DeviceAddress],
    params: DeviceAddress,
}

fn upload(on: &Cuda, network: &Network, kind: Optimiser, state: &Parameters) -> Result<Vec<Memory<f32>>, Error> {
    let mut arrays = state.iter();
    let mut memory = Vec::new();
    for layer in network.layers() {
        for spec in layer.parameters.iter().filter(|spec| spec.is_learnt()) {
            for _ in kind.state() {
                let (_, array) = arrays.next().ok_or_else(|| Parameters::missing(&spec.name))?;
                memory.push(Memory::of(on, &to_device(network, layer, spec, array.view())?)?);
            }
        }
    }
    Ok(memory)
}
