//! The headers of reverse proxies about the client behind them, and the proxies that are believed.

use std::net::{AddrParseError, IpAddr};
use std::num::ParseIntError;
use std::str::FromStr;

use axum::http::{HeaderMap, header};

/// Addresses that share their first bits, written as `10.0.0.0/8`; an address alone is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    address: IpAddr,
    /// Bits that all addresses of the range share.
    bits: u32,
}

/// Why a text is no range of addresses.
#[derive(Debug, thiserror::Error)]
pub enum AddressRangeError {
    /// No address in front.
    #[error("expected an address such as 10.0.0.7, or a range such as 10.0.0.0/8")]
    Address(#[from] AddrParseError),
    /// No number behind the slash.
    #[error("expected a number of bits behind the slash, as in 10.0.0.0/8")]
    Bits(#[from] ParseIntError),
    /// More bits than the address has.
    #[error("found {found} bits behind the slash; this kind of address has {max}")]
    TooManyBits {
        /// The number behind the slash.
        found: u32,
        /// The bits of an address of this kind.
        max: u32,
    },
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse()?;
        let max = bits_of(address).1;
        let found = bits.map_or(Ok(max), str::parse)?;
        if found > max {
            return Err(AddressRangeError::TooManyBits { found, max });
        }
        // Of an IPv4 address that is written as IPv6 only the last 32 bits are compared.
        let canonical = address.to_canonical();
        Ok(Self { address: canonical, bits: found.saturating_sub(max - bits_of(canonical).1) })
    }
}

impl AddressRange {
    /// True for an address in the range. One of IPv4 that is written as IPv6 (`::ffff:10.0.0.7`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (ours, width) = bits_of(self.address);
        let (theirs, other) = bits_of(address.to_canonical());
        width == other && (ours ^ theirs).checked_shr(width - self.bits).unwrap_or(0) == 0
    }
}

/// An address as a number, and how many bits it has.
fn bits_of(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// The proxies that are believed: those on this machine, and those that were named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<AddressRange>);

impl Proxies {
    pub(crate) fn new(named: &[AddressRange]) -> Self {
        Self(named.to_vec())
    }

    fn is_trusted(&self, peer: IpAddr) -> bool {
        peer.to_canonical().is_loopback() || self.0.iter().any(|range| range.contains(peer))
    }

    /// True where the client speaks https to the proxy in front of us, by any of the headers that say so. Of a
    /// chain of proxies the first entry counts: it is about the client.
    pub(crate) fn is_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        if !self.is_trusted(peer) {
            return false;
        }
        let first = |name: &str| {
            let line = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            line.split(',').next().unwrap_or_default().trim().trim_matches('"').to_ascii_lowercase()
        };
        let forwarded = first(header::FORWARDED.as_str());
        let proto = parameters(&forwarded).find_map(|(name, value)| (name == "proto").then_some(value));
        first("x-forwarded-proto") == "https"
            || first("x-forwarded-scheme") == "https"
            || first("x-forwarded-ssl") == "on"
            || proto == Some("https")
    }

    /// The client as the proxy names it, for the log: the nearest hop that is not a trusted proxy itself. What is further
    /// away may be made up by the client.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.is_trusted(peer) {
            return None;
        }
        let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        let hops = hops.iter().rev().map_while(|hop| hop.trim().parse::<IpAddr>().ok());
        hops.into_iter().find(|hop| !self.is_trusted(*hop))
    }
}

/// The parameters of an element of `Forwarded` (RFC 7239), values without quotes.
fn parameters(element: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_hold_what_shares_their_bits() {
        for (range, inside, outside) in [
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.1.2.3/16", "10.1.99.99", "10.2.0.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::ffff:10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
            ("::/0", "ffff::", "1.2.3.4"),
        ] {
            let range: AddressRange = range.parse().unwrap();
            assert!(range.contains(ip(inside)), "{range:?} {inside}");
            assert!(!range.contains(ip(outside)), "{range:?} {outside}");
        }
        for text in ["", "proxy", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "/8"] {
            text.parse::<AddressRange>().unwrap_err();
        }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn https_is_understood_however_a_proxy_writes_it() {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().unwrap()]);
        for (name, value, expected) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "HTTPS", true),
            ("x-forwarded-proto", "https, http", true),
            ("x-forwarded-proto", " https,http", true),
            ("x-forwarded-proto", "http, https", false),
            ("x-forwarded-proto", "http", false),
            ("x-forwarded-proto", "httpsx", false),
            ("forwarded", "proto=https", true),
            ("forwarded", "for=1.2.3.4;Proto=HTTPS;host=viz.example", true),
            ("forwarded", "for=\"[::1]:9\"; proto=\"https\", for=10.0.0.1;proto=http", true),
            ("forwarded", "for=1.2.3.4;proto=http, for=10.0.0.1;proto=https", false),
            ("forwarded", "for=https", false),
            ("x-forwarded-ssl", "on", true),
            ("x-forwarded-ssl", "off", false),
            ("x-forwarded-scheme", "https", true),
        ] {
            let headers = headers(&[(name, value)]);
            for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.9.9.9"] {
                assert_eq!(proxies.is_https(ip(peer), &headers), expected, "{name}: {value}, from {peer}");
            }
            assert!(!proxies.is_https(ip("192.168.0.1"), &headers), "a stranger's word counts: {name}: {value}");
        }
    }

    #[test]
    fn the_client_is_the_nearest_hop_that_is_no_proxy() {
        let proxies = Proxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let of = |value| proxies.client(ip("127.0.0.1"), &headers(&[("x-forwarded-for", value)]));
        assert_eq!(of("6.6.6.6, 203.0.113.9, 10.0.0.1"), Some(ip("203.0.113.9")));
        assert_eq!(of("203.0.113.9"), Some(ip("203.0.113.9")));
        assert_eq!(of("203.0.113.9, nonsense"), None);
        assert_eq!(of("10.0.0.1"), None);
        let forged = headers(&[("x-forwarded-for", "203.0.113.9")]);
        assert_eq!(proxies.client(ip("192.168.0.1"), &forged), None);
    }
}
