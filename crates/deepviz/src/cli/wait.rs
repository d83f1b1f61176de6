//! The time to wait for other processes.

use std::time::Duration;

use clap::Args;

/// The time to wait for other processes.
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArgs {
    /// Give up after waiting this long for another process; by default it is waited for as long as it lives
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

impl WaitArgs {
    /// The longest wait; none where there is no limit.
    pub fn limit(self) -> Option<Duration> {
        self.wait.map(Duration::from_secs)
    }
}
