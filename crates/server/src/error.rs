//! Why a server cannot start or ends.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that stops the server as a whole; what fails in one request is a problem document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken.
    #[error("the address {addr} is already in use; choose another one with --addr (port 0 takes any that is free)")]
    Taken {
        /// The address requested.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address requested.
        addr: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// An address that others can reach needs a token.
    #[error("a token is required to listen on {addr}, which other machines may reach; give one, or use 127.0.0.1")]
    TokenRequired {
        /// The address requested.
        addr: SocketAddr,
    },
    /// A token that cannot be sent in a header.
    #[error("the token must be 1 to 256 visible ASCII characters")]
    Token,
    /// Uploads without a token, or without a folder.
    #[error("uploads need {missing}")]
    Uploads {
        /// The thing that is missing.
        missing: &'static str,
    },
    /// The folder for uploads cannot be used.
    #[error("cannot take uploads into {}: {source}", path.display())]
    UploadFolder {
        /// The reason.
        source: std::io::Error,
        /// The folder.
        path: PathBuf,
    },
    /// A folder to serve is not there.
    #[error("nothing to serve: no folder at {}", path.display())]
    NoFolder {
        /// The folder requested.
        path: PathBuf,
    },
    /// A run that was named cannot be opened.
    #[error("cannot serve the run of {}: {source}", path.display())]
    Run {
        /// The reason.
        source: deepviz_net::Error,
        /// Its run.toml.
        path: PathBuf,
    },
    /// No device to apply networks with.
    #[error("no device to apply networks with: {source}")]
    Device {
        /// The reason.
        source: deepviz_net::Error,
    },
    /// Serving ended with an error.
    #[error("the server stopped: {source}")]
    Serve {
        /// The system's reason.
        source: std::io::Error,
    },
}
