//! Leases: several processes share the units of one run, and none waits for one that was killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deepviz_corpus::Split;
use deepviz_net::Step;
use rusqlite::params;
use tracing::warn;

use super::Store;
use crate::error::Error;

/// How long a unit stays with a process that does not renew its lease.
const TERM: Duration = Duration::from_secs(10);
/// How often a process at work renews it.
const RENEWAL: Duration = Duration::from_secs(2);

/// Unix time in ms.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

/// A name that no other worker has.
fn new_owner() -> String {
    static WORKERS: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("{}-{}-{time}", std::process::id(), WORKERS.fetch_add(1, Ordering::Relaxed))
}

/// One worker's right to units.
pub(crate) struct Lease {
    store: Arc<Store>,
    owner: String,
}

impl Lease {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, owner: new_owner() }
    }

    /// Takes a unit and keeps it until it is released; `None` where somebody else has it.
    pub(crate) fn claim(&self, unit: (Step, Split)) -> Result<Option<Held>, Error> {
        if !self.store.claim(unit, &self.owner)? {
            return Ok(None);
        }
        let (done, is_done) = channel::<()>();
        let (store, owner) = (Arc::clone(&self.store), self.owner.clone());
        let renewal = std::thread::Builder::new().name("lease".to_owned()).spawn(move || {
            while is_done.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = store.renew(&owner) {
                    warn!("cannot renew a lease: {error}");
                }
            }
        });
        let renewal = renewal.map_err(|e| Error::Threads { threads: 1, reason: e.to_string() })?;
        let work = Some((done, renewal));
        Ok(Some(Held { store: Arc::clone(&self.store), owner: self.owner.clone(), work }))
    }

    /// Whether somebody else is at work on an earlier checkpoint of the split, whose clusters the ones
    /// of this checkpoint continue.
    pub(crate) fn is_awaited(&self, unit: (Step, Split)) -> Result<bool, Error> {
        self.store.is_awaited(unit, &self.owner)
    }
}

/// A unit that is being worked on; the lease is renewed as long as this lives.
pub(crate) struct Held {
    store: Arc<Store>,
    owner: String,
    work: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Held {
    /// Gives the unit back.
    pub(crate) fn release(mut self) -> Result<(), Error> {
        self.stop();
        self.store.release(&self.owner)
    }

    /// Ends the renewal; `false` where it had ended.
    fn stop(&mut self) -> bool {
        let Some((done, renewal)) = self.work.take() else { return false };
        drop(done);
        // A renewal that panicked leaves a lease that ends by itself.
        let _ = renewal.join();
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.stop()
            && let Err(error) = self.store.release(&self.owner)
        {
            warn!("cannot give back a lease, which ends by itself: {error}");
        }
    }
}

impl Store {
    /// Takes a unit for this owner; `false` where somebody else has it.
    fn claim(&self, (step, split): (Step, Split), owner: &str) -> Result<bool, Error> {
        let sql = "INSERT INTO lease (step, split, owner, expires) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (step, split) DO UPDATE SET owner = ?3, expires = ?4
                   WHERE owner = ?3 OR expires <= ?5";
        let now = now();
        let values = params![step.0 as i64, split.as_str(), owner, now + TERM.as_millis() as i64, now];
        self.with("write", |connection| Ok(connection.execute(sql, values)? == 1))
    }

    /// Keeps what this owner has for another term.
    fn renew(&self, owner: &str) -> Result<(), Error> {
        let sql = "UPDATE lease SET expires = ?2 WHERE owner = ?1";
        let values = params![owner, now() + TERM.as_millis() as i64];
        self.with("write", |connection| Ok(connection.execute(sql, values).map(|_| ())?))
    }

    /// Gives back what this owner has.
    fn release(&self, owner: &str) -> Result<(), Error> {
        let sql = "DELETE FROM lease WHERE owner = ?1";
        self.with("write", |connection| Ok(connection.execute(sql, [owner]).map(|_| ())?))
    }

    fn is_awaited(&self, (step, split): (Step, Split), owner: &str) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM lease WHERE split = ?2 AND step < ?1 AND owner <> ?3 AND expires > ?4";
        let values = params![step.0 as i64, split.as_str(), owner, now()];
        self.with("read", |connection| Ok(connection.prepare_cached(sql)?.exists(values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_belongs_to_one_owner_until_it_is_released_or_the_lease_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
        let unit = (Step(5), Split::Test);
        assert!(a.claim(unit, "a").unwrap() && a.claim(unit, "a").unwrap());
        assert!(!b.claim(unit, "b").unwrap());
        assert!(b.is_awaited((Step(6), Split::Test), "b").unwrap());
        assert!(!b.is_awaited((Step(6), Split::Train), "b").unwrap() && !b.is_awaited(unit, "b").unwrap());
        a.release("a").unwrap();
        assert!(b.claim(unit, "b").unwrap() && !a.claim(unit, "a").unwrap());
        // As after `kill -9`: nobody renews it.
        b.with("write", |c| Ok(c.execute("UPDATE lease SET expires = ?1", [now() - 1])?)).unwrap();
        assert!(!a.is_awaited((Step(6), Split::Test), "a").unwrap());
        assert!(a.claim(unit, "a").unwrap());
        b.renew("b").unwrap();
        assert!(!b.claim(unit, "b").unwrap());
        assert_ne!(new_owner(), new_owner());
    }
}
