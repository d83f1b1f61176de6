//! The router over a small run made by hand, asked without a socket.

mod activity;
mod errors;
mod lab;
mod live;
mod rules;
mod shapes;
mod sheets;
