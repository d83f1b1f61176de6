//! The REST service and the embedded dashboard over one or more run folders.
//!
//! [`bind`] takes the address at once, so that it is known (and a taken port is an error) before anything is
//! served; [`Server::serve`] answers until it is told to stop. Nothing is loaded before it is asked for: runs are
//! listed by their `run.toml`, corpora are read in the background, snapshots and models come through one cache
//! that is bounded in bytes. The server never trains; a run that grows is a folder that changes.

mod aggregate;
mod answer;
mod answer_memory;
mod api;
mod app;
mod archive;
mod authentication;
mod bank;
mod cache;
mod catalogue;
mod corpora;
mod diverged;
mod drain;
mod error;
mod extract;
mod file_limits;
mod file_name;
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod guesses;
mod hub;
mod layer_axis;
mod listen;
mod login;
mod logs;
mod look;
mod memory_budget;
mod number;
mod open_run;
mod origin;
mod places;
mod problem;
mod proxy;
mod reply;
mod security;
mod seen;
mod selection;
mod sending;
mod server;
mod session;
mod sheets;
mod statistics;
mod subject;
mod summary;
mod tail;
mod templates;
mod text;
mod thumbnail;
mod until;
mod upload;
mod uploads;
mod watch;
mod web;
mod wish;
mod work;

#[cfg(test)]
mod tests;

pub use answer::{Answer, answer};
pub use error::Error;
pub use proxy::{AddressRange, AddressRangeError};
pub use server::{Config, Server, bind};

/// The description of the interface (`OpenAPI` 3.1) as JSON: what `/api/openapi.json` answers.
pub fn openapi() -> String {
    // The document is data of our own, and made of strings and numbers only.
    api::document().to_pretty_json().unwrap_or_default()
}
