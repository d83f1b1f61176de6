//! The router over a small run made by hand, asked without a socket.

mod activity;
mod classes;
mod errors;
mod lab;
mod limits;
mod live;
mod near;
mod query;
mod rules;
mod shapes;
mod sheets;
mod uploads;

pub(crate) use lab::images;
