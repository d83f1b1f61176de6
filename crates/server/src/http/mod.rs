//! Connections, access, and how a request is read and answered; nothing here knows of a run.

pub(crate) mod authentication;
pub(crate) mod body_until;
pub(crate) mod cache;
pub(crate) mod connection_slots;
pub(crate) mod content_disposition;
pub(crate) mod csv;
pub(crate) mod drain;
pub(crate) mod extract;
pub(crate) mod file_limits;
pub(crate) mod json_number;
pub(crate) mod listen;
pub(crate) mod login;
pub(crate) mod memory_budget;
pub(crate) mod origin;
pub(crate) mod peer;
pub(crate) mod percent_encoding;
pub(crate) mod problem;
pub(crate) mod proxy;
pub(crate) mod reply;
pub(crate) mod response_memory;
pub(crate) mod security;
pub(crate) mod selection;
pub(crate) mod session;
pub(crate) mod token_throttle;
pub(crate) mod web;
pub(crate) mod work_pool;
