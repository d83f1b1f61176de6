//! The operations, whole networks and the engine against a naive double-precision implementation,
//! against `PyTorch`'s values, and against themselves on other threads and vector levels.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

mod batch_norm;
mod engine;
mod input;
mod naive;
mod ops;
mod reference;
mod support;
