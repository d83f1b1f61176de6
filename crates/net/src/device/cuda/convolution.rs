//! A convolution as cuDNN describes it.

use crate::device::Precision;
use crate::device::windows::{WindowAxis, Windows};
use crate::shape::Shape;
use cudarc::cudnn::result::{self, CudnnError};
use cudarc::cudnn::sys;
use std::ffi::c_int;
use std::sync::OnceLock;

/// The key of a convolution of `images` images at a precision.
pub(super) type Key = [usize; 15];

pub(super) fn key(windows: &Windows, images: usize, precision: Precision) -> Key {
    let Windows { input, output, rows, columns, groups } = *windows;
    let [channels, height, width] = input.dims();
    let numbers = |axis: WindowAxis| [axis.size, axis.stride, axis.dilation, axis.before];
    let [r, stride_y, dilation_y, top] = numbers(rows);
    let [s, stride_x, dilation_x, left] = numbers(columns);
    let (k, precision) = (output.channels, precision as usize);
    [channels, height, width, k, r, s, stride_y, stride_x, dilation_y, dilation_x, top, left, groups, images, precision]
}

/// A convolution's descriptors, and its algorithms, chosen when first requested; `None` where cuDNN has none.
pub(super) struct Convolution {
    pub x: sys::cudnnTensorDescriptor_t,
    pub y: sys::cudnnTensorDescriptor_t,
    pub weights: sys::cudnnFilterDescriptor_t,
    pub windows: sys::cudnnConvolutionDescriptor_t,
    /// Floats of input, output and weights.
    pub lengths: [usize; 3],
    /// Algorithms of the forward pass and of the gradients of input and filters.
    pub forward: OnceLock<Option<(sys::cudnnConvolutionFwdAlgo_t, sys::cudnnMathType_t)>>,
    pub input: OnceLock<Option<(sys::cudnnConvolutionBwdDataAlgo_t, sys::cudnnMathType_t)>>,
    pub filters: OnceLock<Option<(sys::cudnnConvolutionBwdFilterAlgo_t, sys::cudnnMathType_t)>>,
}

// SAFETY: descriptors are only read once they are set.
unsafe impl Send for Convolution {}
// SAFETY: as above.
unsafe impl Sync for Convolution {}

impl Drop for Convolution {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and used no more.
        unsafe {
            result::destroy_tensor_descriptor(self.x).ok();
            result::destroy_tensor_descriptor(self.y).ok();
            result::destroy_filter_descriptor(self.weights).ok();
            result::destroy_convolution_descriptor(self.windows).ok();
        }
    }
}

impl Convolution {
    pub fn new(windows: &Windows, images: usize, precision: Precision) -> Result<Self, CudnnError> {
        let Windows { input, output, rows, columns, groups } = *windows;
        let int = |value: usize| value as c_int;
        let (filters, channels) = (output.channels, windows.channels());
        let (x, y) = (result::create_tensor_descriptor()?, result::create_tensor_descriptor()?);
        let (weights, descriptor) = (result::create_filter_descriptor()?, result::create_convolution_descriptor()?);
        let float = sys::cudnnDataType_t::CUDNN_DATA_FLOAT;
        let nhwc = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NHWC;
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let math = match precision {
            Precision::Float32 => sys::cudnnMathType_t::CUDNN_FMA_MATH,
            // What lies in memory is single precision, and cuDNN rounds that to TF32 at most.
            Precision::Tf32 | Precision::Bf16 => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
        };
        let dims = |shape: Shape| [int(images), int(shape.channels), int(shape.height), int(shape.width)];
        // SAFETY: the descriptors were made above.
        unsafe {
            result::set_tensor4d_descriptor(x, nhwc, float, dims(input))?;
            result::set_tensor4d_descriptor(y, nhwc, float, dims(output))?;
            result::set_filter4d_descriptor(
                weights,
                float,
                nhwc,
                [filters, channels, rows.size, columns.size].map(int),
            )?;
            let [top, left] = [rows.before, columns.before].map(int);
            let [stride_y, stride_x] = [rows.stride, columns.stride].map(int);
            let [dilation_y, dilation_x] = [rows.dilation, columns.dilation].map(int);
            result::set_convolution2d_descriptor(
                descriptor, top, left, stride_y, stride_x, dilation_y, dilation_x, mode, float,
            )?;
            result::set_convolution_group_count(descriptor, int(groups))?;
            result::set_convolution_math_type(descriptor, math)?;
        }
        let lengths = [images * input.len(), images * output.len(), filters * channels * windows.area()];
        let (forward, input, filters) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { x, y, weights, windows: descriptor, lengths, forward, input, filters })
    }
}

/// Whether cuDNN gives the same output: it has symmetric padding only, and rounds the output's size down.
pub(super) fn is_supported_by_cudnn(windows: &Windows) -> bool {
    let Windows { input, output, rows, columns, .. } = *windows;
    let count = |axis: WindowAxis, side: usize| {
        (side + 2 * axis.before).checked_sub(axis.span()).map(|rest| rest / axis.stride + 1)
    };
    count(rows, input.height) == Some(output.height) && count(columns, input.width) == Some(output.width)
}
