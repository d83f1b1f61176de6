//! `RUN/stats.sqlite`. Every table has a module with its columns, the statements that insert its rows, and the
//! queries that read it.

mod ablation;
mod activity;
mod clusters;
mod confusion;
mod database;
pub(crate) mod deadline;
mod example_stats;
mod fault;
mod guard;
mod holder;
mod lease;
mod merge;
mod open;
mod outputs;
mod predictions;
mod record;
mod recorded;
mod renumber;
mod results;
mod schema;
mod table;
mod tables;
mod unit;
mod weights;
mod write;

pub use confusion::CellQuery;
pub use database::{FILE_NAME, LOG_FILE_NAME, Store};
pub(crate) use holder::Holder;
pub(crate) use lease::{Claim, Lease};
pub use merge::Merged;
pub(crate) use predictions::Predictions;
pub(crate) use record::{
    AblationRecord, SetClusters, SetRecord, UnitId, UnitKey, UnitNumbers, UnitRecord, WeightRecord,
};
pub use results::ResultStore;
