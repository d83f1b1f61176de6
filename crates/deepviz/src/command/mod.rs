//! One module a command.

pub mod access;
pub mod compare;
pub mod corpus;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod fetch;
pub mod import;
pub mod inspect;
pub mod render;
mod rest_client;
pub mod serve;
pub mod stats;
pub mod train;
