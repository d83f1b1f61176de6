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
mod fixture;
mod limits;
mod live;
mod nearest;
mod paths;
mod query;
mod rules;
mod shapes;
mod sheets;
mod strangers;
mod uploads;
mod wire;
mod work_queues;

pub(crate) use fixture::{copy_of_run, images};
