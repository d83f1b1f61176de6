//! The router over a small run made by hand, asked without a socket.

mod access;
mod activity;
mod captions;
mod changes;
mod class_names;
mod classes;
mod compare;
mod connection_floods;
mod connections;
mod cut_uploads;
mod decompression_bombs;
mod diverged;
mod errors;
mod explain;
mod faults;
mod fixture;
mod limits;
mod live;
mod nearest;
mod paths;
mod query;
mod refused_uploads;
mod review;
mod sent_images;
mod separation;
mod shapes;
mod sheets;
mod story;
mod unauthenticated;
mod upload_store;
mod uploads;
mod wire;
mod work_queues;

pub(crate) use fixture::{copy_of_run, images};
