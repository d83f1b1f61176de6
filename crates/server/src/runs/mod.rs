//! The run folders that are served and their corpora: opened, followed, and told to clients as events.

pub(crate) mod catalogue;
pub(crate) mod corpora;
pub(crate) mod corpus_params;
pub(crate) mod diverged;
pub(crate) mod event;
pub(crate) mod hub;
pub(crate) mod logs;
pub(crate) mod open_run;
pub(crate) mod seen;
pub(crate) mod statistics;
pub(crate) mod tail;
pub(crate) mod upload_record;
pub(crate) mod watch;
