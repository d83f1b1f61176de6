//! Snapshots that are added to a run of another program.

use super::{OWN_FORMAT, Run};
use crate::error::Error;
use crate::run_files::SNAPSHOT_FOLDER;
use crate::snapshot::RawSnapshot;

impl Run {
    /// Writes a snapshot into the run folder, in place of one of the same step. The arrays are those that
    /// [`crate::checkpoint::Checkpoint::weights`] found, so that they fit.
    ///
    /// # Errors
    /// [`Error::TrainedHere`]: the run is of format 1, whose snapshots hold more than weights. [`Error::Io`].
    pub fn add_snapshot(&self, snapshot: &RawSnapshot) -> Result<(), Error> {
        self.check_takes_snapshots()?;
        let folder = self.path().join(SNAPSHOT_FOLDER);
        std::fs::create_dir_all(&folder).map_err(Error::io("write the snapshot", &folder))?;
        snapshot.write(&Self::snapshot_path(self.path(), snapshot.step()))
    }

    /// Whether snapshots of another program belong into it.
    ///
    /// # Errors
    /// [`Error::TrainedHere`] where they do not.
    pub fn check_takes_snapshots(&self) -> Result<(), Error> {
        if self.info().format == OWN_FORMAT {
            return Err(Error::TrainedHere { path: self.path().to_owned() });
        }
        Ok(())
    }
}
