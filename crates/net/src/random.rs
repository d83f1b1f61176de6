//! Randomness without hidden state: every number is a function of a seed, a purpose and a counter.
//!
//! Philox 4x32 with ten rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
//! 1, 2, 3", 2011). Because nothing is carried from one draw to the next, the numbers are the same
//! for any number of threads and after any resume.

const MULTIPLY: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Four random words for a key and a counter.
pub fn philox(key: u64, counter: u128) -> [u32; 4] {
    let mut key = [key as u32, (key >> 32) as u32];
    let mut x = [counter as u32, (counter >> 32) as u32, (counter >> 64) as u32, (counter >> 96) as u32];
    for _ in 0..10 {
        let a = u64::from(MULTIPLY[0]) * u64::from(x[0]);
        let b = u64::from(MULTIPLY[1]) * u64::from(x[2]);
        x = [(b >> 32) as u32 ^ x[1] ^ key[0], b as u32, (a >> 32) as u32 ^ x[3] ^ key[1], a as u32];
        key[0] = key[0].wrapping_add(WEYL[0]);
        key[1] = key[1].wrapping_add(WEYL[1]);
    }
    x
}

/// A stream of numbers addressed by index, for one seed and one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
}

impl Stream {
    /// The stream of `seed` for a purpose, told apart by numbers (e.g. step and image).
    pub fn new(seed: u64, purpose: &[u64]) -> Self {
        let key = purpose.iter().fold(seed, |key, &part| {
            let words = philox(key, u128::from(part) | (1 << 127));
            u64::from(words[0]) | (u64::from(words[1]) << 32)
        });
        Self { key }
    }

    /// The key, as a seed for further streams.
    pub const fn key(self) -> u64 {
        self.key
    }

    /// 64 random bits.
    pub fn bits(self, index: u64) -> u64 {
        let words = philox(self.key, u128::from(index));
        u64::from(words[0]) | (u64::from(words[1]) << 32)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(self, index: u64) -> f64 {
        (self.bits(index) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..bound` (by multiplication; the bias is below 2^-32 for bounds below 2^32).
    pub fn below(self, index: u64, bound: u64) -> u64 {
        ((u128::from(self.bits(index)) * u128::from(bound)) >> 64) as u64
    }

    /// Standard normal (Box and Muller).
    pub fn normal(self, index: u64) -> f64 {
        let words = philox(self.key, u128::from(index));
        let first = u64::from(words[0]) | (u64::from(words[1]) << 32);
        let second = u64::from(words[2]) | (u64::from(words[3]) << 32);
        let scale = (1_u64 << 53) as f64;
        // Shifted by half a unit so that the logarithm never sees 0.
        let radius = (-2.0 * (((first >> 11) as f64 + 0.5) / scale).ln()).sqrt();
        let angle = std::f64::consts::TAU * ((second >> 11) as f64 / scale);
        radius * angle.cos()
    }

    /// Puts `items` into random order.
    pub fn shuffle<T>(self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64, last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_vectors() {
        // Known answers of the Random123 distribution (philox4x32, 10 rounds).
        assert_eq!(philox(0, 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox(u64::MAX, u128::MAX), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn shuffle_keeps_every_item_and_moves_them() {
        let mut items: Vec<u32> = (0..1000).collect();
        Stream::new(3, &[1]).shuffle(&mut items);
        let mut sorted = items.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        let fixed = items.iter().enumerate().filter(|(i, v)| *i as u32 == **v);
        assert!(fixed.count() < 10);
    }

    #[test]
    fn streams_of_other_purposes_differ() {
        let bits = |purpose: &[u64]| Stream::new(1, purpose).bits(0);
        assert_ne!(bits(&[1, 2]), bits(&[2, 1]));
        assert_ne!(bits(&[1]), bits(&[1, 0]));
        assert_eq!(bits(&[1, 2]), bits(&[1, 2]));
    }
}
