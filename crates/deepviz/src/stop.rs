//! Ctrl-C: the first one asks to stop, the second one stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use tokio::sync::watch;

/// The exit code after Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// A request to stop; shared by threads (the flag) and tasks (the wait).
#[derive(Debug, Clone)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    asked: watch::Receiver<bool>,
}

impl Stop {
    /// Listens to SIGINT, SIGTERM and SIGHUP from now on; once in a process.
    /// `notice` is printed on stderr at the first of them.
    pub fn install(notice: &'static str) -> anyhow::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        let (ask, asked) = watch::channel(false);
        let handler_flag = Arc::clone(&flag);
        ctrlc::set_handler(move || {
            if handler_flag.swap(true, Ordering::SeqCst) {
                // Files are written under temporary names, so leaving now tears nothing.
                std::process::exit(i32::from(INTERRUPTED));
            }
            crate::console::note(notice);
            deepviz_stats::end_reads_soon();
            ask.send_replace(true);
        })
        .context("cannot listen for Ctrl-C")?;
        Ok(Self { flag, asked })
    }

    /// The flag that training and statistics look at between steps.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// True when a stop was requested.
    pub fn is_asked(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Resolves when a stop is requested.
    pub async fn asked(mut self) {
        // The sender lives in the signal handler, for as long as the process.
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
