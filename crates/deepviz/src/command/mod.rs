//! One module a command.

pub mod corpus;
pub mod demo;
pub mod inspect;
pub mod serve;
pub mod stats;
pub mod train;
