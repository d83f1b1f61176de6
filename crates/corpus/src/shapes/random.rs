//! Numbers that look random and are a function of (seed, purpose, counter) alone, and arithmetic that gives the
//! same bits on every machine.

/// A stream of numbers for one purpose, such as one image. No two streams share state.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    key: u64,
    counter: u64,
}

impl Random {
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        Self { key: mix(seed ^ mix(purpose)), counter: 0 }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.counter += 1;
        at(self.key, self.counter)
    }

    /// From 0 up to, but not including, 1.
    pub(crate) fn unit(&mut self) -> f32 {
        unit(self.next())
    }

    /// Between two numbers.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        // The high bits times the count: no division, and a bias far below one image in any corpus.
        ((u128::from(self.next()) * count as u128) >> 64) as usize
    }

    /// True with a chance.
    pub(crate) fn chance(&mut self, chance: f32) -> bool {
        self.unit() < chance
    }
}

/// The number at one place of a keyed sequence.
pub(crate) fn at(key: u64, counter: u64) -> u64 {
    mix(key.wrapping_add(counter.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The upper 24 bits as a fraction: exact in `f32`.
pub(crate) fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1_u32 << 24) as f32
}

/// `SplitMix64`'s finaliser (Steele, Lea, Flood 2014).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The sine of an angle in turns, within 1e-6, from additions and products alone: mathematics libraries
/// differ in the last bit, and these pictures must not.
pub(crate) fn sine(turns: f32) -> f32 {
    let turns = turns - turns.floor();
    // To the quarter around 0, where the series is short.
    let folded = if turns < 0.25 {
        turns
    } else if turns < 0.75 {
        0.5 - turns
    } else {
        turns - 1.0
    };
    let x = folded * std::f32::consts::TAU;
    let square = x * x;
    x * (1.0 + square * (-1.0 / 6.0 + square * (1.0 / 120.0 + square * (-1.0 / 5040.0 + square / 362_880.0))))
}

/// The cosine of an angle in turns.
pub(crate) fn cosine(turns: f32) -> f32 {
    sine(turns + 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_the_sine() {
        for step in -400..400_i16 {
            let turns = f32::from(step) / 160.0;
            assert!((sine(turns) - (turns * std::f32::consts::TAU).sin()).abs() < 1e-5, "{turns}");
            assert!((cosine(turns) - (turns * std::f32::consts::TAU).cos()).abs() < 1e-5, "{turns}");
        }
    }

    #[test]
    fn numbers_are_even_and_streams_differ() {
        let mut random = Random::new(1, 2);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            counts[random.below(10)] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        let first = |seed, purpose| Random::new(seed, purpose).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(2, 1));
        assert_ne!(first(1, 2), first(1, 3));
    }
}
