//! Sums in an order that does not depend on which thread computed the parts.

/// Floats that are summed over groups at a time.
pub(crate) const SLICE: usize = 128;

/// Depth of the tree of sums: batches of up to 2^20 groups.
const DEPTH: usize = 21;

/// Sums of groups in a fixed tree: (0 + 1) + (2 + 3) and so on, whatever computed them.
pub(crate) struct Tree {
    levels: [[f32; SLICE]; DEPTH],
    groups: usize,
}

impl Tree {
    pub fn new() -> Self {
        Self { levels: [[0.0; SLICE]; DEPTH], groups: 0 }
    }

    /// Adds a group; level `i` holds the sum of 2^i of them if bit `i` of their number is set.
    pub fn add(&mut self, part: &[f32]) {
        let mut sum = [0.0; SLICE];
        sum[..part.len()].copy_from_slice(part);
        let carries = self.groups.trailing_ones() as usize;
        for level in &self.levels[..carries] {
            for (sum, earlier) in sum.iter_mut().zip(level) {
                *sum += earlier;
            }
        }
        self.levels[carries] = sum;
        self.groups += 1;
    }

    pub fn finish(&self, total: &mut [f32]) {
        total.fill(0.0);
        for (index, level) in self.levels.iter().enumerate() {
            if self.groups >> index & 1 == 1 {
                for (total, value) in total.iter_mut().zip(level) {
                    *total += value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_adds_every_part_once() {
        for groups in [1, 2, 3, 6, 37] {
            let mut tree = Tree::new();
            for group in 0..groups {
                tree.add(&[1.0, group as f32]);
            }
            let mut total = [f32::NAN; 2];
            tree.finish(&mut total);
            let expected = [groups as f32, (groups * (groups - 1) / 2) as f32];
            assert_eq!(total.map(f32::to_bits), expected.map(f32::to_bits), "{total:?} {expected:?}");
        }
    }
}
