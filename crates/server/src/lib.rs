//! The REST service and the embedded dashboard over one or more run folders.
//!
//! [`bind`] takes the address at once, so that it is known (and a taken port is an error) before anything is
//! served; [`Server::serve`] answers until it is stopped. Nothing is loaded before it is requested: runs are
//! listed by their `run.toml`, corpora are read in the background, snapshots and models come through one cache
//! that is bounded in bytes. The server never trains; a run that grows is a folder that changes.
//!
//! The modules in the order in which they may use each other; what stands on the right may use what stands on its left:
//!
//! `error` <- `http` <- `runs` <- `sheet` <- `explain` <- `story` <- `upload` <- `app` <- `compare` <- `api` <- `server` <- `answer` <- `fuzzing`
//!
//! `http` reads requests and answers them and knows of no run; `runs` holds run folders and corpora open and follows
//! them; `sheet` goes from a request for weights or activations to a picture; `explain` says why a network answers as it does; `story` finds the sentences that tell a run;
//! `upload` takes what clients send; `app` is the state that all handlers share; `compare` lays two checkpoints side by
//! side; `api` holds the routes.

mod answer;
mod api;
mod app;
mod compare;
mod error;
mod explain;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod runs;
mod server;
mod sheet;
mod story;
mod upload;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Interface};
pub use error::Error;
pub use http::proxy::{AddressRange, AddressRangeError};
pub use server::{Config, Server, bind};

/// The description of the interface (`OpenAPI` 3.1) as JSON: what `/api/openapi.json` answers.
pub fn openapi() -> String {
    // The document is data of our own, and made of strings and numbers only.
    api::document().to_pretty_json().unwrap_or_default()
}
