//! The router over a small run made by hand, asked without a socket.

mod activity;
mod bombs;
mod changes;
mod class_names;
mod classes;
mod crowds;
mod cut_uploads;
mod diverged;
mod errors;
mod faults;
mod lab;
mod lanes;
mod limits;
mod live;
mod near;
mod paths;
mod query;
mod rules;
mod shapes;
mod sheets;
mod strangers;
mod uploads;
mod wire;

pub(crate) use lab::{copy_of_run, images};
