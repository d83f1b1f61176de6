//! One module a command.

pub mod corpus;
pub mod inspect;
pub mod stats;
pub mod train;
