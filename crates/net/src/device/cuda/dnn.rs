//! Convolutions by cuDNN, where its library is found. Of its deterministic algorithms the fastest is
//! taken, by the time that cuDNN itself measures, and kept as long as the device is open; what it cannot
//! do goes through cuBLAS.

use super::{At, Cuda, Memory};
use crate::device::windows::{WindowAxis, Windows};
use crate::error::Error;
use crate::recipe::Precision;
use crate::shape::Shape;
use cudarc::cudnn::result::{self, CudnnError};
use cudarc::cudnn::sys;
use cudarc::driver::{CudaStream, sys as driver};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes that an algorithm may compute in: the windows laid out for cuBLAS take as much.
const WORKSPACE: usize = 256 << 20;

/// Algorithms of a kind that are asked for at most; cuDNN has about eight.
const ALGORITHMS: usize = 12;

pub(super) struct Dnn {
    handle: sys::cudnnHandle_t,
    workspace: OnceLock<Option<Memory<u8>>>,
    /// One call at a time, for a handle is not to be shared otherwise.
    known: Mutex<BTreeMap<Key, Option<Arc<Convolution>>>>,
}

// SAFETY: the handle is used under the lock only.
unsafe impl Send for Dnn {}
// SAFETY: as above.
unsafe impl Sync for Dnn {}

/// Numbers that tell a convolution of so many images at a precision from any other.
type Key = [usize; 15];

fn key(windows: &Windows, images: usize, precision: Precision) -> Key {
    let Windows { input, output, rows, columns, groups } = *windows;
    let [channels, height, width] = input.dims();
    let [down, right] =
        [rows, columns].map(|WindowAxis { size, stride, dilation, before, .. }| [size, stride, dilation, before]);
    let [[r, down, apart_y, top], [s, right, apart_x, left]] = [down, right];
    let filters = output.channels;
    let precision = precision as usize;
    [channels, height, width, filters, r, s, down, right, apart_y, apart_x, top, left, groups, images, precision]
}

/// How a convolution is computed: what its arrays are, and the algorithms, where there are any, once they were asked for.
struct Convolution {
    x: sys::cudnnTensorDescriptor_t,
    y: sys::cudnnTensorDescriptor_t,
    weights: sys::cudnnFilterDescriptor_t,
    windows: sys::cudnnConvolutionDescriptor_t,
    /// Floats of input, output and weights.
    lengths: [usize; 3],
    forward: OnceLock<Option<(sys::cudnnConvolutionFwdAlgo_t, sys::cudnnMathType_t)>>,
    input: OnceLock<Option<(sys::cudnnConvolutionBwdDataAlgo_t, sys::cudnnMathType_t)>>,
    filters: OnceLock<Option<(sys::cudnnConvolutionBwdFilterAlgo_t, sys::cudnnMathType_t)>>,
}

// SAFETY: descriptors are only read once they are set.
unsafe impl Send for Convolution {}
// SAFETY: as above.
unsafe impl Sync for Convolution {}

impl Drop for Convolution {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and nobody's any more.
        unsafe {
            result::destroy_tensor_descriptor(self.x).ok();
            result::destroy_tensor_descriptor(self.y).ok();
            result::destroy_filter_descriptor(self.weights).ok();
            result::destroy_convolution_descriptor(self.windows).ok();
        }
    }
}

impl Drop for Dnn {
    fn drop(&mut self) {
        // SAFETY: made by `new`; its context is current, for whoever shares it saw to that.
        unsafe { result::destroy_handle(self.handle) }.ok();
    }
}

/// The arrays of a convolution.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    pub x: At,
    pub weights: At,
    pub y: At,
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

impl Convolution {
    fn new(windows: &Windows, images: usize, precision: Precision) -> Result<Self, CudnnError> {
        let Windows { input, output, rows, columns, groups } = *windows;
        let int = |value: usize| value as c_int;
        let (filters, channels) = (output.channels, windows.channels());
        let (x, y) = (result::create_tensor_descriptor()?, result::create_tensor_descriptor()?);
        let (weights, sliding) = (result::create_filter_descriptor()?, result::create_convolution_descriptor()?);
        let float = sys::cudnnDataType_t::CUDNN_DATA_FLOAT;
        let last = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let math = match precision {
            Precision::Float32 => sys::cudnnMathType_t::CUDNN_FMA_MATH,
            // What lies in memory is single precision, and cuDNN rounds that to TF32 at most.
            Precision::Tf32 | Precision::Bf16 => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        };
        let dims = |shape: Shape| [int(images), int(shape.channels), int(shape.height), int(shape.width)];
        // SAFETY: the descriptors were made above.
        unsafe {
            result::set_tensor4d_descriptor(x, last, float, dims(input))?;
            result::set_tensor4d_descriptor(y, last, float, dims(output))?;
            result::set_filter4d_descriptor(
                weights,
                float,
                last,
                [filters, channels, rows.size, columns.size].map(int),
            )?;
            let [top, left] = [rows.before, columns.before].map(int);
            let [down, right] = [rows.stride, columns.stride].map(int);
            let [apart_y, apart_x] = [rows.dilation, columns.dilation].map(int);
            result::set_convolution2d_descriptor(sliding, top, left, down, right, apart_y, apart_x, mode, float)?;
            result::set_convolution_group_count(sliding, int(groups))?;
            result::set_convolution_math_type(sliding, math)?;
        }
        let lengths = [images * input.len(), images * output.len(), filters * channels * windows.area()];
        let (forward, input, filters) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { x, y, weights, windows: sliding, lengths, forward, input, filters })
    }
}

/// Whether cuDNN's rule gives the same output: it knows one padding an axis, over which its windows never hang.
fn fits(windows: &Windows) -> bool {
    let Windows { input, output, rows, columns, .. } = *windows;
    let count = |axis: WindowAxis, side: usize| {
        (side + 2 * axis.before).checked_sub(axis.span()).map(|rest| rest / axis.stride + 1)
    };
    count(rows, input.height) == Some(output.height) && count(columns, input.width) == Some(output.width)
}

/// The deterministic algorithms among so many results, the fastest first, each with the arithmetic it was
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
    room: At,
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
        operands: Operands,
    ) -> Result<(), CudnnError> {
        let Self { dnn, this, room } = self;
        self.set_math(math)?;
        let (one, zero) = (1.0_f32, 0.0_f32);
        // SAFETY: the arrays have the descriptors' sizes, by the same geometry.
        unsafe {
            sys::cudnnConvolutionForward(
                dnn.handle,
                number(&one),
                this.x,
                pointer(operands.x),
                this.weights,
                pointer(operands.weights),
                this.windows,
                algorithm,
                pointer(*room),
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
        operands: Operands,
        add: bool,
    ) -> Result<(), CudnnError> {
        let Self { dnn, this, room } = self;
        self.set_math(math)?;
        let (one, kept) = (1.0_f32, if add { 1.0_f32 } else { 0.0 });
        // SAFETY: the arrays have the descriptors' sizes, by the same geometry.
        unsafe {
            sys::cudnnConvolutionBackwardData(
                dnn.handle,
                number(&one),
                this.weights,
                pointer(operands.weights),
                this.y,
                pointer(operands.y),
                this.windows,
                algorithm,
                pointer(*room),
                WORKSPACE,
                number(&kept),
                this.x,
                pointer(operands.x),
            )
        }
        .result()
    }

    fn weight_gradient(
        &self,
        (algorithm, math): (sys::cudnnConvolutionBwdFilterAlgo_t, sys::cudnnMathType_t),
        operands: Operands,
    ) -> Result<(), CudnnError> {
        let Self { dnn, this, room } = self;
        self.set_math(math)?;
        let (one, zero) = (1.0_f32, 0.0_f32);
        // SAFETY: the arrays have the descriptors' sizes, by the same geometry.
        unsafe {
            sys::cudnnConvolutionBackwardFilter(
                dnn.handle,
                number(&one),
                this.x,
                pointer(operands.x),
                this.y,
                pointer(operands.y),
                this.windows,
                algorithm,
                pointer(*room),
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
    pub(crate) fn dnn_forward(&self, windows: &Windows, images: usize, operands: Operands) -> Result<bool, Error> {
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
        operands: Operands,
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
        operands: Operands,
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

    /// Runs `work` with a convolution, and whether algorithms may be measured now, unless cuDNN is not
    /// for it.
    fn with_convolution(
        &self,
        windows: &Windows,
        images: usize,
        work: impl FnOnce(&Call<'_>, bool) -> Result<bool, CudnnError>,
    ) -> Result<bool, Error> {
        let Some(dnn) = self.shared.dnn.as_ref().filter(|_| fits(windows)) else {
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
        let Some(Some(room)) = dnn.workspace.get() else {
            return Ok(false);
        };
        work(&Call { dnn, this: &this, room: room.at() }, measure).map_err(|error| {
            let reason = format!("cuDNN refuses a convolution: {error:?}");
            Error::Device { device: format!("cuda:{}", self.facts().ordinal), reason }
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
        let Call { dnn, this, room } = *call;
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
                pointer(room),
                WORKSPACE,
            )
        };
        asked.result().ok()?;
        let operands = Operands { x: x.at(), weights: weights.at(), y: y.at() };
        usable!(found, count, self.precision).find(|usable| call.forward(*usable, operands).is_ok())
    }

    fn find_input(&self, call: &Call<'_>) -> Option<(sys::cudnnConvolutionBwdDataAlgo_t, sys::cudnnMathType_t)> {
        let Call { dnn, this, room } = *call;
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
                pointer(room),
                WORKSPACE,
            )
        };
        asked.result().ok()?;
        let operands = Operands { x: x.at(), weights: weights.at(), y: y.at() };
        usable!(found, count, self.precision).find(|usable| call.input_gradient(*usable, operands, false).is_ok())
    }

    fn find_weights(&self, call: &Call<'_>) -> Option<(sys::cudnnConvolutionBwdFilterAlgo_t, sys::cudnnMathType_t)> {
        let Call { dnn, this, room } = *call;
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
                pointer(room),
                WORKSPACE,
            )
        };
        asked.result().ok()?;
        let operands = Operands { x: x.at(), weights: weights.at(), y: y.at() };
        usable!(found, count, self.precision).find(|usable| call.weight_gradient(*usable, operands).is_ok())
    }
}

fn number(value: &f32) -> *const c_void {
    std::ptr::from_ref(value).cast()
}

fn pointer(at: At) -> *mut c_void {
    at.address() as *mut c_void
}
