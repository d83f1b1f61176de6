//! Leases: several processes share the units of one run, and none waits for one that was killed.
//!
//! The holder of a unit renews its lease every two seconds. Whether the holder still lives is judged without comparing
//! clocks: one on this machine is looked up, and any other counts as gone when its lease has stood unchanged for a
//! whole term by this process's own clock. What `expires` says is only a mark that changes.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deepviz_net::Step;
use rusqlite::{OptionalExtension, params};
use tracing::warn;

use super::database::Store;
use super::holder::{Holder, now_ms};
use super::record::UnitId;
use crate::error::Error;

/// Time after which a lease that is not renewed has ended.
const TERM: Duration = Duration::from_secs(15);
/// Interval at which a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(2);

/// One worker's right to units.
pub(crate) struct Lease {
    store: Arc<Store>,
    /// A connection of its own, so that a lease is renewed while the other one waits.
    renewals: Arc<Store>,
    /// The leases of others as they were last seen to change.
    sightings: Mutex<BTreeMap<UnitId, Sighting>>,
}

/// A lease as it is in the database.
#[derive(Clone, PartialEq)]
struct LeaseRow {
    holder: Holder,
    /// Changes with every renewal.
    expires: i64,
}

/// A lease of another worker.
struct Sighting {
    lease: LeaseRow,
    /// When it was first seen so.
    at: Instant,
}

/// The answer to a claim.
pub(crate) enum Claim {
    /// This worker, until it is released.
    Mine(Held),
    /// Another worker has the unit, and lives as far as can be seen.
    Taken(Holder),
}

impl Lease {
    pub(crate) fn new(store: Arc<Store>) -> Result<Self, Error> {
        let renewals = Arc::new(store.second_connection()?);
        Ok(Self { store, renewals, sightings: Mutex::default() })
    }

    /// Takes a unit and keeps it until it is released, unless another worker has it and lives.
    pub(crate) fn claim(&self, unit: UnitId) -> Result<Claim, Error> {
        let mine = Holder::new();
        loop {
            // Both only where all is still as it was seen: another process may be claiming it at this moment.
            let is_mine = match self.store.lease_of(unit)? {
                None => self.store.take(unit, &mine)?,
                Some(lease) if self.lives(unit, &lease, Instant::now()) => return Ok(Claim::Taken(lease.holder)),
                Some(lease) => self.store.seize(unit, &lease, &mine)?,
            };
            if is_mine {
                return self.keep(mine).map(Claim::Mine);
            }
        }
    }

    /// Renews a lease until it is released.
    fn keep(&self, holder: Holder) -> Result<Held, Error> {
        let (done, is_done) = channel::<()>();
        let (renewals, mine) = (Arc::clone(&self.renewals), holder.clone());
        let renewal = std::thread::Builder::new().name("lease".to_owned()).spawn(move || {
            while is_done.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
                match renewals.renew(&mine) {
                    // The next one follows at once: it has waited long enough.
                    Ok(()) | Err(Error::Busy { .. }) => {}
                    Err(error) => warn!("cannot renew a lease: {error}"),
                }
            }
        });
        let renewal = renewal.map_err(|e| Error::Threads { threads: 1, reason: e.to_string() })?;
        Ok(Held { store: Arc::clone(&self.store), holder, work: Some((done, renewal)) })
    }

    /// The first earlier checkpoint of the split that a worker has, and the worker: clusters continue the earlier ones.
    pub(crate) fn awaited(&self, unit: UnitId) -> Result<Option<(UnitId, Holder)>, Error> {
        for (earlier, lease) in self.store.leases_before(unit)? {
            let earlier = UnitId { step: earlier, split: unit.split };
            if self.lives(earlier, &lease, Instant::now()) {
                return Ok(Some((earlier, lease.holder)));
            }
        }
        Ok(None)
    }

    /// True when the holder of a unit lives, as far as can be seen.
    fn lives(&self, unit: UnitId, lease: &LeaseRow, now: Instant) -> bool {
        if lease.holder.is_gone() {
            return false;
        }
        let mut sightings = self.sightings.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = sightings.entry(unit).or_insert_with(|| Sighting { lease: lease.clone(), at: now });
        if seen.lease != *lease {
            *seen = Sighting { lease: lease.clone(), at: now };
        }
        now.duration_since(seen.at) < TERM
    }
}

/// A unit that is being worked on; the lease is renewed as long as this lives.
pub(crate) struct Held {
    store: Arc<Store>,
    holder: Holder,
    work: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Held {
    /// Gives the unit back; to be tried again where it fails.
    pub(crate) fn release(&mut self) -> Result<(), Error> {
        self.stop();
        self.store.release(&self.holder)
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
            && let Err(error) = self.store.release(&self.holder)
        {
            warn!("cannot give back a lease, which ends by itself: {error}");
        }
    }
}

fn expiry() -> i64 {
    now_ms() + TERM.as_millis() as i64
}

impl Store {
    /// The lease on a unit.
    fn lease_of(&self, UnitId { step, split }: UnitId) -> Result<Option<LeaseRow>, Error> {
        let sql = "SELECT owner, expires FROM lease WHERE step = ?1 AND split = ?2";
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let values = params![step.0 as i64, split.as_str()];
            let row = statement
                .query_row(values, |row| Ok(LeaseRow { holder: Holder::from_text(row.get(0)?), expires: row.get(1)? }));
            Ok(row.optional()?)
        })
    }

    /// Takes a unit without a holder; `false` where another worker has it now.
    fn take(&self, UnitId { step, split }: UnitId, mine: &Holder) -> Result<bool, Error> {
        let sql = "INSERT INTO lease (step, split, owner, expires) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (step, split) DO NOTHING";
        let values = params![step.0 as i64, split.as_str(), mine.as_str(), expiry()];
        self.with("write", |connection| Ok(connection.execute(sql, values)? == 1))
    }

    /// Takes a unit from a holder who is gone; `false` where the lease is no longer the one that was judged.
    fn seize(&self, UnitId { step, split }: UnitId, old: &LeaseRow, new: &Holder) -> Result<bool, Error> {
        let sql = "UPDATE lease SET owner = ?3, expires = ?4
                   WHERE step = ?1 AND split = ?2 AND owner = ?5 AND expires = ?6";
        let values = params![step.0 as i64, split.as_str(), new.as_str(), expiry(), old.holder.as_str(), old.expires];
        self.with("write", |connection| Ok(connection.execute(sql, values)? == 1))
    }

    /// Keeps what this holder has for another term. The mark changes even where the clock stands still or goes back.
    fn renew(&self, holder: &Holder) -> Result<(), Error> {
        let sql = "UPDATE lease SET expires = max(?2, expires + 1) WHERE owner = ?1";
        self.with("write", |connection| Ok(connection.execute(sql, params![holder.as_str(), expiry()]).map(|_| ())?))
    }

    /// Gives back what this holder has.
    fn release(&self, holder: &Holder) -> Result<(), Error> {
        let sql = "DELETE FROM lease WHERE owner = ?1";
        self.with("write", |connection| Ok(connection.execute(sql, [holder.as_str()]).map(|_| ())?))
    }

    /// The leases of earlier checkpoints of a split.
    fn leases_before(&self, UnitId { step, split }: UnitId) -> Result<Vec<(Step, LeaseRow)>, Error> {
        let sql = "SELECT step, owner, expires FROM lease WHERE split = ?2 AND step < ?1 ORDER BY step";
        self.with("read", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![step.0 as i64, split.as_str()], |row| {
                let lease = LeaseRow { holder: Holder::from_text(row.get(1)?), expires: row.get(2)? };
                Ok((Step(row.get::<_, i64>(0)? as u64), lease))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

#[cfg(test)]
mod tests;
