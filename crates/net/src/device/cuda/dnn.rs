//! Convolutions by cuDNN, where its library is found. Of its deterministic algorithms the fastest is
//! taken, by the time that cuDNN itself measures, and kept as long as the device is open; what it cannot
//! do goes through cuBLAS.

use super::convolution::{Convolution, Key, is_supported_by_cudnn, key};
use super::{Cuda, DeviceAddress, Memory};
use crate::device::Precision;
use crate::device::windows::Windows;
use crate::error::Error;
use cudarc::cudnn::result::{self, CudnnError};
use cudarc::cudnn::sys;
use cudarc::driver::{CudaStream, sys as driver};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes that an algorithm may compute in: the matrix of windows (im2col) for cuBLAS takes as much.
const WORKSPACE: usize = 256 << 20;

/// Algorithms of a kind that are requested at most; cuDNN has about eight.
const ALGORITHMS: usize = 12;

pub(super) struct Dnn {
    handle: sys::cudnnHandle_t,
    workspace: OnceLock<Option<Memory<u8>>>,
    /// The convolutions met so far. The lock allows one call at a time, for a handle is not to be shared otherwise.
    known: Mutex<BTreeMap<Key, Option<Arc<Convolution>>>>,
}

// SAFETY: the handle is used under the lock only.
unsafe impl Send for Dnn {}
// SAFETY: as above.
unsafe impl Sync for Dnn {}

impl Drop for Dnn {
    fn drop(&mut self) {
        // SAFETY: made by `new`; its context is current: its owner bound it to the thread.
        unsafe { result::destroy_handle(self.handle) }.ok();
    }
}

/// The arrays of a convolution.
#[derive(Clone, Copy)]
pub(crate) struct ConvArrays {
    pub x: DeviceAddress,
    pub weights: DeviceAddress,
    pub y: DeviceAddress,
}

impl Dnn {
    /// cuDNN on that stream; nothing where it cannot be had.
    pub fn new(stream: &CudaStream) -> Option<Self> {
        super::libraries::cudnn_version()?;
        let handle = result::create_handle().ok()?;
        // SAFETY: handle and stream are whole.
        unsafe { result::set_stream(handle, stream.cu_stream().cast()) }.ok()?;
        Some(Self { handle, workspace: OnceLock::new(), known: Mutex::default() })
    }
}

/// The deterministic algorithms among the first `count` results, the fastest first, each with the arithmetic it was
/// measured with; for single precision only what rounds no factors.
macro_rules! usable {
    ($found:expr, $count:expr, $precision:expr) => {{
        let mut usable: Vec<_> = $found
            .iter()
            .take($count as usize)
            .map(|found| {
                // SAFETY: as many results were written.
                unsafe { found.assume_init() }
            })
            .filter(|found| found.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS)
            .filter(|found| found.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC)
            .filter(|found| found.memory <= WORKSPACE)
            .collect();
        usable.sort_by(|a, b| a.time.total_cmp(&b.time));
        let is_exact = $precision == Precision::Float32;
        let math = move |found| if is_exact { sys::cudnnMathType_t::CUDNN_FMA_MATH } else { found };
        usable.into_iter().map(move |found| (found.algo, math(found.mathType)))
    }};
}

/// What a convolution's calls share.
struct Call<'a> {
    dnn: &'a Dnn,
    this: &'a Convolution,
    scratch: DeviceAddress,
}

impl Call<'_> {
    /// Sets the arithmetic of the calls that follow.
    fn set_math(&self, math: sys::cudnnMathType_t) -> Result<(), CudnnError> {
        // SAFETY: the descriptor is whole, and used under the lock only.
        unsafe { result::set_convolution_math_type(self.this.windows, math) }
    }

    fn forward(
        &self,
        (algorithm, math): (sys::cudnnConvolutionFwdAlgo_t, sys::cudnnMathType_t),
        operands: ConvArrays,
    ) -> Result<(), CudnnError> {
        let Self { dnn, this, scratch } = self;
        self.set_math(math)?;
        let (alpha, zero) = (1.0_f32, 0.0_f32);
        // SAFETY: the arrays have the descriptors' sizes, by the same geometry.
        unsafe {
            sys::cudnnConvolutionForward(
                dnn.handle,
                number(&alpha),
                this.x,
                pointer(operands.x),
                this.weights,
                pointer(operands.weights),
                this.windows,
                algorithm,
                pointer(*scratch),
                WORKSPACE,
                number(&zero),
                this.y,
                pointer(operands.y),
            )
        }
        .result()
    }

    fn input_gradient(
        &self,
        (algorithm, math): (sys::cudnnConvolutionBwdDataAlgo_t, sys::cudnnMathType_t),
        operands: ConvArrays,
        add: bool,
    ) -> Result<(), CudnnError> {
        let Self { dnn, this, scratch } = self;
        self.set_math(math)?;
        let (alpha, beta) = (1.0_f32, if add { 1.0_f32 } else { 0.0 });
        // SAFETY: the arrays have the descriptors' sizes, by the same geometry.
        unsafe {
            sys::cudnnConvolutionBackwardData(
                dnn.handle,
                number(&alpha),
                this.weights,
                pointer(operands.weights),
                this.y,
                pointer(operands.y),
                this.windows,
                algorithm,
                pointer(*scratch),
                WORKSPACE,
                number(&beta),
                this.x,
                pointer(operands.x),
            )
        }
        .result()
    }

    fn weight_gradient(
        &self,
        (algorithm, math): (sys::cudnnConvolutionBwdFilterAlgo_t, sys::cudnnMathType_t),
        operands: ConvArrays,
    ) -> Result<(), CudnnError> {
        let Self { dnn, this, scratch } = self;
        self.set_math(math)?;
        let (alpha, zero) = (1.0_f32, 0.0_f32);
        // SAFETY: the arrays have the descriptors' sizes, by the same geometry.
        unsafe {
            sys::cudnnConvolutionBackwardFilter(
                dnn.handle,
                number(&alpha),
                this.x,
                pointer(operands.x),
                this.y,
                pointer(operands.y),
                this.windows,
                algorithm,
                pointer(*scratch),
                WORKSPACE,
                number(&zero),
                this.weights,
                pointer(operands.weights),
            )
        }
        .result()
    }
}

impl Cuda {
    /// Computes a convolution's output by cuDNN; whether it could.
    pub(crate) fn dnn_forward(&self, windows: &Windows, images: usize, operands: ConvArrays) -> Result<bool, Error> {
        self.with_convolution(windows, images, |call, measure| {
            let known = &call.this.forward;
            let algorithm = if measure { Some(known.get_or_init(|| self.find_forward(call))) } else { known.get() };
            algorithm.copied().flatten().map_or(Ok(false), |algorithm| call.forward(algorithm, operands).map(|()| true))
        })
    }

    /// Computes the gradient of a convolution's input (`x`) by cuDNN, added or written; whether it could.
    pub(crate) fn dnn_input_gradient(
        &self,
        windows: &Windows,
        images: usize,
        operands: ConvArrays,
        add: bool,
    ) -> Result<bool, Error> {
        self.with_convolution(windows, images, |call, measure| {
            let known = &call.this.input;
            let algorithm = if measure { Some(known.get_or_init(|| self.find_input(call))) } else { known.get() };
            algorithm
                .copied()
                .flatten()
                .map_or(Ok(false), |algorithm| call.input_gradient(algorithm, operands, add).map(|()| true))
        })
    }

    /// Computes the gradient of a convolution's weights by cuDNN; whether it could.
    pub(crate) fn dnn_weight_gradient(
        &self,
        windows: &Windows,
        images: usize,
        operands: ConvArrays,
    ) -> Result<bool, Error> {
        self.with_convolution(windows, images, |call, measure| {
            let known = &call.this.filters;
            let algorithm = if measure { Some(known.get_or_init(|| self.find_weights(call))) } else { known.get() };
            algorithm
                .copied()
                .flatten()
                .map_or(Ok(false), |algorithm| call.weight_gradient(algorithm, operands).map(|()| true))
        })
    }

    /// Runs `work` with a convolution, and whether algorithms may be measured now; gives `false` where cuDNN cannot
    /// compute it.
    fn with_convolution(
        &self,
        windows: &Windows,
        images: usize,
        work: impl FnOnce(&Call<'_>, bool) -> Result<bool, CudnnError>,
    ) -> Result<bool, Error> {
        let Some(dnn) = self.shared.dnn.as_ref().filter(|_| is_supported_by_cudnn(windows)) else {
            return Ok(false);
        };
        // While a graph is captured nothing can be measured, nor memory taken.
        let measure = !self.is_capturing();
        let mut known = dnn.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(windows, images, self.precision);
        self.context().bind_to_thread().map_err(self.failed("use the device"))?;
        if measure && !known.contains_key(&key) {
            // What cuDNN cannot even describe is left to cuBLAS.
            let made = Convolution::new(windows, images, self.precision).ok();
            known.insert(key, made.map(Arc::new));
        }
        let Some(Some(this)) = known.get(&key).cloned() else {
            return Ok(false);
        };
        if measure {
            dnn.workspace.get_or_init(|| Memory::zeros(self, WORKSPACE).ok());
        }
        let Some(Some(scratch)) = dnn.workspace.get() else {
            return Ok(false);
        };
        work(&Call { dnn, this: &this, scratch: scratch.at() }, measure).map_err(|error| {
            let reason = format!("cuDNN refuses a convolution: {error:?}");
            Error::Device { device: format!("cuda:{}", self.device_info().ordinal), reason }
        })
    }

    fn is_capturing(&self) -> bool {
        let status = self.stream().capture_status();
        !matches!(status, Ok(driver::CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE))
    }

    /// Arrays to measure with, for measuring overwrites them: input, output, weights.
    fn trial(&self, this: &Convolution) -> Option<[Memory<f32>; 3]> {
        let [x, y, weights] = this.lengths.map(|length| Memory::zeros(self, length).ok());
        Some([x?, y?, weights?])
    }

    /// The fastest algorithm that then really computes.
    fn find_forward(&self, call: &Call<'_>) -> Option<(sys::cudnnConvolutionFwdAlgo_t, sys::cudnnMathType_t)> {
        let Call { dnn, this, scratch } = *call;
        let [x, y, weights] = self.trial(this)?;
        let mut found: [MaybeUninit<sys::cudnnConvolutionFwdAlgoPerf_t>; ALGORITHMS] =
            [const { MaybeUninit::uninit() }; ALGORITHMS];
        let mut count = 0;
        // SAFETY: the arrays have the descriptors' sizes; no more results are written than there is room for.
        let asked = unsafe {
            sys::cudnnFindConvolutionForwardAlgorithmEx(
                dnn.handle,
                this.x,
                pointer(x.at()),
                this.weights,
                pointer(weights.at()),
                this.windows,
                this.y,
                pointer(y.at()),
                ALGORITHMS as c_int,
                &raw mut count,
                found.as_mut_ptr().cast(),
                pointer(scratch),
                WORKSPACE,
            )
        };
        asked.result().ok()?;
        let operands = ConvArrays { x: x.at(), weights: weights.at(), y: y.at() };
        usable!(found, count, self.precision).find(|usable| call.forward(*usable, operands).is_ok())
    }

    fn find_input(&self, call: &Call<'_>) -> Option<(sys::cudnnConvolutionBwdDataAlgo_t, sys::cudnnMathType_t)> {
        let Call { dnn, this, scratch } = *call;
        let [x, y, weights] = self.trial(this)?;
        let mut found: [MaybeUninit<sys::cudnnConvolutionBwdDataAlgoPerf_t>; ALGORITHMS] =
            [const { MaybeUninit::uninit() }; ALGORITHMS];
        let mut count = 0;
        // SAFETY: as above.
        let asked = unsafe {
            sys::cudnnFindConvolutionBackwardDataAlgorithmEx(
                dnn.handle,
                this.weights,
                pointer(weights.at()),
                this.y,
                pointer(y.at()),
                this.windows,
                this.x,
                pointer(x.at()),
                ALGORITHMS as c_int,
                &raw mut count,
                found.as_mut_ptr().cast(),
                pointer(scratch),
                WORKSPACE,
            )
        };
        asked.result().ok()?;
        let operands = ConvArrays { x: x.at(), weights: weights.at(), y: y.at() };
        usable!(found, count, self.precision).find(|usable| call.input_gradient(*usable, operands, false).is_ok())
    }

    fn find_weights(&self, call: &Call<'_>) -> Option<(sys::cudnnConvolutionBwdFilterAlgo_t, sys::cudnnMathType_t)> {
        let Call { dnn, this, scratch } = *call;
        let [x, y, weights] = self.trial(this)?;
        let mut found: [MaybeUninit<sys::cudnnConvolutionBwdFilterAlgoPerf_t>; ALGORITHMS] =
            [const { MaybeUninit::uninit() }; ALGORITHMS];
        let mut count = 0;
        // SAFETY: as above.
        let asked = unsafe {
            sys::cudnnFindConvolutionBackwardFilterAlgorithmEx(
                dnn.handle,
                this.x,
                pointer(x.at()),
                this.y,
                pointer(y.at()),
                this.windows,
                this.weights,
                pointer(weights.at()),
                ALGORITHMS as c_int,
                &raw mut count,
                found.as_mut_ptr().cast(),
                pointer(scratch),
                WORKSPACE,
            )
        };
        asked.result().ok()?;
        let operands = ConvArrays { x: x.at(), weights: weights.at(), y: y.at() };
        usable!(found, count, self.precision).find(|usable| call.weight_gradient(*usable, operands).is_ok())
    }
}

fn number(value: &f32) -> *const c_void {
    std::ptr::from_ref(value).cast()
}

fn pointer(at: DeviceAddress) -> *mut c_void {
    at.address() as *mut c_void
}
