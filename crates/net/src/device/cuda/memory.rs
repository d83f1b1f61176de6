//! Memory on the device.

use super::{Arg, Cuda};
use crate::error::Error;
use cudarc::driver::{CudaSlice, DevicePtr, DeviceRepr, DriverError, ValidAsZeroBits, sys};

/// An address in the device's memory. It is valid as long as its [`Memory`] lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceAddress(u64);

impl DeviceAddress {
    /// That many floats further on.
    pub fn plus(self, floats: usize) -> Self {
        Self(self.0 + 4 * floats as u64)
    }

    pub fn address(self) -> u64 {
        self.0
    }
}

impl From<DeviceAddress> for Arg {
    fn from(at: DeviceAddress) -> Self {
        Self::Pointer(at.0)
    }
}

impl From<Option<DeviceAddress>> for Arg {
    fn from(at: Option<DeviceAddress>) -> Self {
        Self::Pointer(at.map_or(0, |at| at.0))
    }
}

/// Values on the device.
#[derive(Debug)]
pub(crate) struct Memory<T> {
    slice: CudaSlice<T>,
    address: u64,
}

impl<T: DeviceRepr + ValidAsZeroBits> Memory<T> {
    /// That many zeros (one, where none are wanted: every buffer has an address).
    pub fn zeros(on: &Cuda, length: usize) -> Result<Self, Error> {
        let slice = on.stream().alloc_zeros(length.max(1)).map_err(|error| full::<T>(on, length, error))?;
        let address = slice.device_ptr(on.stream()).0;
        Ok(Self { slice, address })
    }

    /// These values.
    pub fn of(on: &Cuda, values: &[T]) -> Result<Self, Error> {
        let mut this = Self::zeros(on, values.len())?;
        this.write(on, values)?;
        Ok(this)
    }

    /// Overwrites the first values.
    pub fn write(&mut self, on: &Cuda, values: &[T]) -> Result<(), Error> {
        if values.is_empty() {
            return Ok(());
        }
        let mut to = self.slice.slice_mut(..values.len());
        on.stream().memcpy_htod(values, &mut to).map_err(on.failed("copy to the device"))
    }

    /// The first values, once everything before is done.
    pub fn read(&self, on: &Cuda, length: usize) -> Result<Vec<T>, Error> {
        if length == 0 {
            return Ok(Vec::new());
        }
        let values = on.stream().clone_dtoh(&self.slice.slice(..length));
        let values = values.map_err(on.failed("copy from the device"))?;
        on.synchronise()?;
        Ok(values)
    }
}

impl<T> Memory<T> {
    pub fn at(&self) -> DeviceAddress {
        DeviceAddress(self.address)
    }

    pub fn len(&self) -> usize {
        self.slice.len()
    }

    pub fn slice(&self) -> &CudaSlice<T> {
        &self.slice
    }

    pub fn slice_mut(&mut self) -> &mut CudaSlice<T> {
        &mut self.slice
    }
}

fn full<T>(on: &Cuda, length: usize, error: DriverError) -> Error {
    if error.0 != sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
        return on.failed("get memory")(error);
    }
    Error::DeviceMemory {
        device: format!("cuda:{}", on.device_info().ordinal),
        wanted: length * size_of::<T>(),
        free: on.memory().map_or(0, |(free, _)| free),
        fits: None,
    }
}
