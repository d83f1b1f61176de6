//! The run folders that are served and their corpora: opened, watched for changes, and reported to clients as events.

pub(crate) mod catalogue;
pub(crate) mod corpora;
pub(crate) mod corpus_cache;
pub(crate) mod corpus_params;
pub(crate) mod divergence;
pub(crate) mod event;
pub(crate) mod event_bus;
pub(crate) mod file_stamp;
pub(crate) mod fingerprint;
pub(crate) mod follow;
pub(crate) mod health;
pub(crate) mod image_path;
pub(crate) mod last_line;
pub(crate) mod listing;
pub(crate) mod metrics_logs;
pub(crate) mod open_run;
pub(crate) mod review;
pub(crate) mod statistics;
pub(crate) mod stored_results;
pub(crate) mod upload_record;
pub(crate) mod wire;
