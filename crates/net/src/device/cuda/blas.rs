//! Matrix products by cuBLAS. Everything here speaks of row-major matrices.

use super::{Cuda, DeviceAddress};
use crate::device::Precision;
use crate::error::Error;
use cudarc::cublas::result::CublasError;
use cudarc::cublas::{CudaBlas, result, sys};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of workspace for cuBLAS: its own default on Hopper. Allocated here, because cuBLAS cannot allocate while a CUDA
/// graph is captured.
const WORKSPACE: usize = 32 << 20;

pub(super) struct Blas {
    /// One call at a time: a handle is not to be shared otherwise.
    handle: Mutex<CudaBlas>,
    _workspace: CudaSlice<u8>,
}

/// A matrix: its first element, and how far apart its rows are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    pub start: DeviceAddress,
    /// Floats from one row to the next.
    pub row_stride: usize,
    /// Floats from one matrix of a batch to the next.
    pub batch_stride: usize,
}

impl Matrix {
    pub const fn new(start: DeviceAddress, row_stride: usize) -> Self {
        Self { start, row_stride, batch_stride: 0 }
    }

    /// The first matrix of a batch.
    pub const fn batch(start: DeviceAddress, row_stride: usize, batch_stride: usize) -> Self {
        Self { start, row_stride, batch_stride }
    }
}

/// A factor of a product, as it is or transposed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Factor {
    Plain(Matrix),
    Transposed(Matrix),
}

/// `c (rows x columns) = a (rows x inner) b (inner x columns)`, added to what `c` holds or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatrixProduct {
    pub rows: usize,
    pub columns: usize,
    pub inner: usize,
    pub a: Factor,
    pub b: Factor,
    pub c: Matrix,
    pub accumulate: bool,
    /// How many such products (a strided batch), each [`Matrix::batch_stride`] further on.
    pub count: usize,
}

impl Blas {
    pub fn new(stream: &Arc<CudaStream>, device: &str) -> Result<Self, Error> {
        let failed = |what: &str, reason: &dyn std::fmt::Debug| Error::Device {
            device: device.to_owned(),
            reason: format!("cannot {what}: {reason:?}"),
        };
        let handle = CudaBlas::new(Arc::clone(stream)).map_err(|error| failed("start cuBLAS", &error))?;
        let workspace = stream.alloc_zeros(WORKSPACE).map_err(|error| failed("get cuBLAS' workspace", &error))?;
        let address = workspace.device_ptr(stream).0;
        // SAFETY: the workspace lives as long as the handle, which is used on this stream only.
        let set = unsafe { sys::cublasSetWorkspace_v2(*handle.handle(), address as *mut c_void, WORKSPACE) };
        set.result().map_err(|error| failed("give cuBLAS its workspace", &error))?;
        Ok(Self { handle: Mutex::new(handle), _workspace: workspace })
    }
}

impl Cuda {
    /// Computes a product, or a batch of them.
    #[expect(clippy::too_many_lines, reason = "two calls of cuBLAS, an argument a line")]
    pub(crate) fn product(&self, product: &MatrixProduct) -> Result<(), Error> {
        let MatrixProduct { rows, columns, inner, c, count, .. } = *product;
        if rows == 0 || columns == 0 || count == 0 {
            return Ok(());
        }
        // cuBLAS stores columns: it computes c' = b' a', and what is row-major here is transposed there.
        let operand = |factor: Factor| match factor {
            Factor::Plain(matrix) => (sys::cublasOperation_t::CUBLAS_OP_N, matrix),
            Factor::Transposed(matrix) => (sys::cublasOperation_t::CUBLAS_OP_T, matrix),
        };
        let ((op_a, a), (op_b, b)) = (operand(product.b), operand(product.a));
        let compute = match self.precision {
            Precision::Float32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
            Precision::Tf32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
            Precision::Bf16 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_16BF,
        };
        let float = sys::cudaDataType_t::CUDA_R_32F;
        let (alpha, beta) = (1.0_f32, if product.accumulate { 1.0_f32 } else { 0.0 });
        let (alpha, beta) = ((&raw const alpha).cast::<c_void>(), (&raw const beta).cast::<c_void>());
        let algorithm = sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT;
        let pointer = |matrix: Matrix| matrix.start.address() as *const c_void;
        let int = |value: usize| value as c_int;
        let blas = self.shared.blas.handle.lock().unwrap_or_else(PoisonError::into_inner);
        self.context().bind_to_thread().map_err(self.failed("use the device"))?;
        // SAFETY: callers (`ops/*/cuda.rs`, the optimiser) pass matrices that lie within device buffers, which are
        // allocated for the layer's shapes that `rows`, `columns` and `inner` are taken from.
        let done = unsafe {
            if count == 1 {
                result::gemm_ex(
                    *blas.handle(),
                    op_a,
                    op_b,
                    int(columns),
                    int(rows),
                    int(inner),
                    alpha,
                    pointer(a),
                    float,
                    int(a.row_stride),
                    pointer(b),
                    float,
                    int(b.row_stride),
                    beta,
                    pointer(c).cast_mut(),
                    float,
                    int(c.row_stride),
                    compute,
                    algorithm,
                )
            } else {
                result::gemm_strided_batched_ex(
                    *blas.handle(),
                    op_a,
                    op_b,
                    int(columns),
                    int(rows),
                    int(inner),
                    alpha,
                    pointer(a),
                    float,
                    int(a.row_stride),
                    a.batch_stride as i64,
                    pointer(b),
                    float,
                    int(b.row_stride),
                    b.batch_stride as i64,
                    beta,
                    pointer(c).cast_mut(),
                    float,
                    int(c.row_stride),
                    c.batch_stride as i64,
                    int(count),
                    compute,
                    algorithm,
                )
            }
        };
        drop(blas);
        done.map_err(|error| self.product_error(error, product))
    }

    fn product_error(&self, error: CublasError, product: &MatrixProduct) -> Error {
        let MatrixProduct { rows, columns, inner, .. } = product;
        Error::Device {
            device: format!("cuda:{}", self.device_info().ordinal),
            reason: format!("cuBLAS failed to compute a product of {rows} x {inner} by {inner} x {columns}: {error:?}"),
        }
    }
}
