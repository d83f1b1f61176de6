//! Statistics of small runs, from the images to the database and back.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod activity;
mod company;
mod compute;
mod follow;
mod near;
mod recorded;
mod store;
