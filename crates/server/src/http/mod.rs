//! Connections, access, and how a request is read and answered; nothing here knows of a run.

pub(crate) mod answer_memory;
pub(crate) mod authentication;
pub(crate) mod cache;
pub(crate) mod drain;
pub(crate) mod extract;
pub(crate) mod file_limits;
pub(crate) mod file_name;
pub(crate) mod guesses;
pub(crate) mod listen;
pub(crate) mod login;
pub(crate) mod memory_budget;
pub(crate) mod number;
pub(crate) mod origin;
pub(crate) mod places;
pub(crate) mod problem;
pub(crate) mod proxy;
pub(crate) mod reply;
pub(crate) mod security;
pub(crate) mod selection;
pub(crate) mod session;
pub(crate) mod text;
pub(crate) mod until;
pub(crate) mod web;
pub(crate) mod work;
