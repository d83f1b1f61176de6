//! NVIDIA GPUs: the driver and its libraries, found and loaded when first requested.
//!
//! Activations and gradients lie on the device as dense channels-last floats, weights with their
//! channels last too (`execute/cuda/layout.rs`). Everything goes through one stream, in order; a training step is
//! captured once into a graph and then launched as a whole ([`crate::trainer`]).
#![expect(unsafe_code, reason = "the driver's interface; what each call relies on is said there")]

mod blas;
mod convolution;
mod dnn;
mod kernels;
mod launch;
mod libraries;
mod memory;
mod sliding;
mod workspace;

pub(crate) use blas::{Factor, Matrix, MatrixProduct};
pub(crate) use dnn::ConvArrays;
pub(crate) use launch::{Arg, Grid};
pub(crate) use memory::{DeviceAddress, Memory};
pub(crate) use sliding::{PutBack, Rows, Sliding, WindowBatch};
pub(crate) use workspace::{WindowNorm, Workspace, weigh};

pub use libraries::{Library, libraries};

use crate::device::Precision;
use crate::error::Error;
use cudarc::driver::{CudaContext, CudaStream, DeviceRepr, DriverError, PinnedHostSlice, ValidAsZeroBits, sys};
use std::fmt;
use std::sync::Arc;

/// The oldest driver that loads the built-in PTX: one that knows CUDA 12.4.
const OLDEST_DRIVER: i32 = 12040;

/// Oldest devices the kernels are made for: Ampere.
const OLDEST_CAPABILITY: (i32, i32) = (8, 0);

/// A device with its stream, kernels and matrix products. Copies share them.
#[derive(Clone)]
pub struct Cuda {
    shared: Arc<Shared>,
    precision: Precision,
}

struct Shared {
    kernels: Arc<kernels::Kernels>,
    blas: blas::Blas,
    /// Where cuDNN was found.
    dnn: Option<dnn::Dnn>,
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    info: DeviceInfo,
}

impl Drop for Shared {
    /// cuBLAS and cuDNN destroy their handles in whatever context is current: it has to be this one's.
    fn drop(&mut self) {
        self.context.bind_to_thread().ok();
        self.stream.synchronize().ok();
    }
}

/// What is known of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its number, from 0.
    pub ordinal: usize,
    /// Its name, e.g. "NVIDIA H200".
    pub name: String,
    /// Compute capability, e.g. 9.0.
    pub capability: (i32, i32),
    /// Its memory in bytes.
    pub memory: usize,
    /// The newest CUDA version its driver knows, e.g. 13000.
    pub driver: i32,
    /// Where the kernels came from.
    pub kernels: String,
}

impl fmt::Debug for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cuda({}, {})", self.shared.info.ordinal, self.shared.info.name)
    }
}

impl Cuda {
    /// Number of devices there are; an error says why there is none.
    pub fn count() -> Result<usize, Error> {
        load_driver("cuda")?;
        let count = CudaContext::device_count().map_err(refused("cuda", "count the devices"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// The device of that number, ready to compute in single precision.
    pub fn open(ordinal: usize) -> Result<Self, Error> {
        let device = format!("cuda:{ordinal}");
        let driver = load_driver(&device)?;
        let count = Self::count()?;
        let refuse = |reason: String| Error::Device { device: device.clone(), reason };
        if ordinal >= count {
            return Err(refuse(format!("there are {count} devices, numbered from 0")));
        }
        let context = CudaContext::new(ordinal).map_err(refused(&device, "open the device"))?;
        let failed = |what: &'static str| refused(&device, what);
        let capability = context.compute_capability().map_err(failed("ask for the compute capability"))?;
        if capability < OLDEST_CAPABILITY {
            let ((major, minor), (min, _)) = (capability, OLDEST_CAPABILITY);
            return Err(refuse(format!("compute capability {major}.{minor}; {min}.0 (Ampere) or newer is needed")));
        }
        libraries::need_cublas(&device)?;
        // SAFETY: everything is used on one stream; where another copies, it waits by events of ours.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(failed("make a stream"))?;
        let (kernels, source) = kernels::Kernels::load(&context, &device, capability)?;
        let info = DeviceInfo {
            ordinal,
            name: context.name().map_err(failed("ask for the name"))?,
            capability,
            memory: context.total_mem().map_err(failed("ask for the memory"))?,
            driver,
            kernels: source,
        };
        let blas = blas::Blas::new(&stream, &device)?;
        let (kernels, dnn) = (Arc::new(kernels), dnn::Dnn::new(&stream));
        let shared = Shared { kernels, blas, dnn, context, stream, info };
        Ok(Self { shared: Arc::new(shared), precision: Precision::Float32 })
    }

    /// The same device, whose matrix products round their factors to that precision.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The same device with a stream of its own, for work between which no other may come: capturing a
    /// graph, above all.
    pub(crate) fn with_own_stream(&self) -> Result<Self, Error> {
        let Shared { kernels, context, info, .. } = &*self.shared;
        let stream = context.new_stream().map_err(self.failed("make a stream"))?;
        let shared = Shared {
            kernels: Arc::clone(kernels),
            blas: blas::Blas::new(&stream, &format!("cuda:{}", info.ordinal))?,
            dnn: dnn::Dnn::new(&stream),
            context: Arc::clone(context),
            stream,
            info: info.clone(),
        };
        Ok(Self { shared: Arc::new(shared), precision: self.precision })
    }

    /// What is known of the device.
    pub fn device_info(&self) -> &DeviceInfo {
        &self.shared.info
    }

    /// Bytes free on the device, and all of it.
    pub fn memory(&self) -> Result<(usize, usize), Error> {
        self.shared.context.mem_get_info().map_err(self.failed("ask for the free memory"))
    }

    /// Waits until everything asked of the device is done.
    pub(crate) fn synchronise(&self) -> Result<(), Error> {
        self.shared.stream.synchronize().map_err(self.failed("compute"))
    }

    /// Memory of the host that the device copies into by itself.
    pub(crate) fn pinned<T: DeviceRepr + ValidAsZeroBits>(&self, length: usize) -> Result<PinnedHostSlice<T>, Error> {
        // SAFETY: numbers, any bits of which are values; the device writes them before they are read.
        let host = unsafe { self.context().alloc_pinned_with_flags(length, 0) };
        host.map_err(self.failed("get memory of the host"))
    }

    pub(crate) fn context(&self) -> &Arc<CudaContext> {
        &self.shared.context
    }

    pub(crate) fn stream(&self) -> &Arc<CudaStream> {
        &self.shared.stream
    }

    /// How a failed call is reported.
    pub(crate) fn failed(&self, what: &'static str) -> impl Fn(DriverError) -> Error + use<> {
        refused(&format!("cuda:{}", self.shared.info.ordinal), what)
    }
}

fn refused(device: &str, what: &'static str) -> impl Fn(DriverError) -> Error + use<> {
    let device = device.to_owned();
    move |error| Error::Device { device: device.clone(), reason: format!("cannot {what}: {}", words(error)) }
}

/// The driver's words for an error; without a device there may be no driver to ask.
fn words(error: DriverError) -> String {
    match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE => "the driver finds no NVIDIA device".into(),
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => "the device's memory is full".into(),
        code => match error.error_string() {
            Ok(text) => format!("{} ({code:?})", text.to_string_lossy()),
            Err(_) => format!("{code:?}"),
        },
    }
}

/// Loads the driver and gives the newest CUDA version it knows.
fn load_driver(device: &str) -> Result<i32, Error> {
    let refuse = |reason: String| Error::Device { device: device.to_owned(), reason };
    libraries::need_driver().map_err(refuse)?;
    cudarc::driver::result::init().map_err(refused(device, "start the driver"))?;
    let mut version = 0;
    // SAFETY: writes one integer.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(refused(device, "ask for the version"))?;
    if version < OLDEST_DRIVER {
        let version = libraries::version_words(version);
        return Err(refuse(format!(
            "the driver knows CUDA up to {version}, and 12.4 is needed; install a newer driver"
        )));
    }
    Ok(version)
}
