//! Wrong tokens: answered late, and logged.
//!
//! Each address may be wrong a few times at the price of a short wait; one that continues waits longer and longer, over
//! however many connections it guesses. A right token is never held up by guesses from its address. Both what is
//! remembered and what is logged is bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest delay of an answer to a wrong token, and what each wrong token adds to the delay that its address owes.
const DELAY: Duration = Duration::from_millis(400);
/// Delay that an address may owe before its answers come later than [`DELAY`]: that of ten wrong tokens at once.
const GRACE: Duration = Duration::from_secs(4);
/// The longest wait: proxies give up after a minute.
const MAX_DELAY: Duration = Duration::from_secs(20);
/// Addresses that are remembered.
const MAX_ADDRESSES: usize = 4_096;
/// Lines in the log: of all addresses in a minute, and of one in ten seconds.
const MAX_LINES: u32 = 20;
const MINUTE: Duration = Duration::from_mins(1);
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Wrong tokens by address.
#[derive(Default)]
pub(crate) struct TokenThrottle(Mutex<ThrottleTable>);

#[derive(Default)]
struct ThrottleTable {
    addresses: HashMap<IpAddr, FailedAttempts>,
    /// When the minute began in which lines are counted, and how many there were.
    lines: Option<(Instant, u32)>,
    /// Wrong tokens that were not logged since the last line.
    unlogged: u64,
}

struct FailedAttempts {
    /// The time at which the address has waited for all of its wrong tokens, one after the other.
    until: Instant,
    logged: Option<Instant>,
}

/// The consequence of a wrong token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Penalty {
    /// The delay of its answer.
    pub(crate) delay: Duration,
    /// For one that is to be logged: how many were not, before it.
    pub(crate) log: Option<u64>,
}

impl TokenThrottle {
    /// A wrong token from an address.
    pub(crate) fn record_wrong(&self, address: IpAddr) -> Penalty {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).record_wrong(address, Instant::now())
    }
}

impl ThrottleTable {
    fn record_wrong(&mut self, address: IpAddr, now: Instant) -> Penalty {
        let network = network(address);
        if !self.addresses.contains_key(&network) {
            self.make_room(now);
        }
        let attempts = self.addresses.entry(network).or_insert(FailedAttempts { until: now, logged: None });
        attempts.until = (attempts.until.max(now) + DELAY).min(now + GRACE + MAX_DELAY);
        let delay = attempts.until.duration_since(now).saturating_sub(GRACE).max(DELAY);
        let is_due = attempts.logged.is_none_or(|last| now.duration_since(last) >= BETWEEN_LINES);
        let (minute, lines) = self.lines.filter(|(minute, _)| now.duration_since(*minute) < MINUTE).unwrap_or((now, 0));
        if !is_due || lines >= MAX_LINES {
            self.unlogged += 1;
            return Penalty { delay, log: None };
        }
        attempts.logged = Some(now);
        self.lines = Some((minute, lines + 1));
        Penalty { delay, log: Some(std::mem::take(&mut self.unlogged)) }
    }

    /// Forgets the addresses that owe no delay any more, else the one that owes least.
    fn make_room(&mut self, now: Instant) {
        if self.addresses.len() < MAX_ADDRESSES {
            return;
        }
        self.addresses.retain(|_, attempts| attempts.until > now);
        let earliest = self.addresses.iter().min_by_key(|(_, attempts)| attempts.until).map(|(address, _)| *address);
        if let Some(address) = earliest.filter(|_| self.addresses.len() >= MAX_ADDRESSES) {
            self.addresses.remove(&address);
        }
    }
}

/// The network that counts as one address: an IPv6 client usually has 2^64 addresses to choose from.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn repeated_guesses_wait_longer_and_nobody_else() {
        let (mut table, now) = (ThrottleTable::default(), Instant::now());
        let delays: Vec<_> = (0..100).map(|_| table.record_wrong(ip("10.0.0.1"), now).delay).collect();
        assert!(delays[..10].iter().all(|delay| *delay == DELAY), "{delays:?}");
        assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]), "{delays:?}");
        assert_eq!(delays[99], MAX_DELAY);
        assert_eq!(table.record_wrong(ip("10.0.0.2"), now).delay, DELAY);
        // Once it has waited, all is well.
        assert_eq!(table.record_wrong(ip("10.0.0.1"), now + GRACE + MAX_DELAY).delay, DELAY);
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let (mut table, now) = (ThrottleTable::default(), Instant::now());
        let mut last = Duration::ZERO;
        for number in 0..50 {
            last = table.record_wrong(Ipv6Addr::from_bits((0xfd00 << 112) + number).into(), now).delay;
        }
        assert!(last > DELAY);
        assert_eq!(network(ip("::ffff:10.0.0.1")), ip("10.0.0.1"));
        assert_ne!(network(ip("fd00:0:0:1::1")), network(ip("fd00:0:0:2::1")));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_worst_stay() {
        let (mut table, now) = (ThrottleTable::default(), Instant::now());
        for _ in 0..30 {
            table.record_wrong(ip("10.0.0.1"), now);
        }
        for number in 0..3 * MAX_ADDRESSES as u32 {
            table.record_wrong(IpAddr::V4((0x0b00_0000 + number).into()), now);
        }
        assert_eq!(table.addresses.len(), MAX_ADDRESSES);
        assert!(table.record_wrong(ip("10.0.0.1"), now).delay > DELAY);
        table.record_wrong(ip("10.0.0.9"), now + MINUTE);
        assert_eq!(table.addresses.len(), 1, "who owes nothing is forgotten");
    }

    #[test]
    fn the_log_has_a_line_now_and_then_and_counts_the_rest() {
        let (mut table, now) = (ThrottleTable::default(), Instant::now());
        assert_eq!(table.record_wrong(ip("10.0.0.1"), now).log, Some(0));
        for _ in 0..7 {
            assert_eq!(table.record_wrong(ip("10.0.0.1"), now).log, None);
        }
        assert_eq!(table.record_wrong(ip("10.0.0.2"), now).log, Some(7), "another address has a line of its own");
        assert_eq!(table.record_wrong(ip("10.0.0.1"), now + BETWEEN_LINES).log, Some(0));
        let lines =
            (0..200_u32).filter(|number| table.record_wrong(IpAddr::V4((*number).into()), now).log.is_some()).count();
        assert_eq!(lines as u32, MAX_LINES - 3);
        assert!(table.record_wrong(ip("10.0.0.3"), now + MINUTE).log.is_some());
    }
}
