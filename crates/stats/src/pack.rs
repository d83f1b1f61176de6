//! Numbers packed into blobs: little-endian, sealed with a checksum.
//!
//! `SQLite` keeps no checksums of its own, so a flipped bit in a blob would otherwise be shown as a
//! number. Eight bytes of BLAKE3 at the end of each blob make it an error instead.

use crate::activity::{FilterActivity, Top};
use crate::weights::WeightNumbers;

/// Bytes of checksum at the end of a blob.
const SEAL: usize = 8;

/// Plain data of fixed size that is written to blobs in little-endian order.
pub(crate) trait LittleEndian: bytemuck::Pod {
    /// The value with the bytes of its numbers in little-endian order (its own inverse).
    fn little_endian(self) -> Self;
}

impl LittleEndian for u8 {
    fn little_endian(self) -> Self {
        self
    }
}

impl LittleEndian for i16 {
    fn little_endian(self) -> Self {
        self.to_le()
    }
}

impl LittleEndian for u16 {
    fn little_endian(self) -> Self {
        self.to_le()
    }
}

impl LittleEndian for u32 {
    fn little_endian(self) -> Self {
        self.to_le()
    }
}

impl LittleEndian for f32 {
    fn little_endian(self) -> Self {
        Self::from_bits(self.to_bits().to_le())
    }
}

impl LittleEndian for Top {
    fn little_endian(self) -> Self {
        let Self { image, position, value } = self;
        Self { image: image.to_le(), position: position.to_le(), value: value.little_endian() }
    }
}

impl LittleEndian for FilterActivity {
    fn little_endian(self) -> Self {
        let Self { mean, spread, zeros, active, max } = self;
        let [mean, spread, zeros, active, max] = [mean, spread, zeros, active, max].map(LittleEndian::little_endian);
        Self { mean, spread, zeros, active, max }
    }
}

impl LittleEndian for WeightNumbers {
    fn little_endian(self) -> Self {
        let words: [f32; 7] = bytemuck::cast(self);
        bytemuck::cast(words.map(LittleEndian::little_endian))
    }
}

/// One place in a ranking: an image and the probability of its predicted class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked {
    pub image: u32,
    pub value: f32,
}

/// Numbers from 0 to `max`, in bytes where they fit, else in pairs of bytes.
pub(crate) fn blob_from_indices(indices: &[u16], max: usize) -> Vec<u8> {
    seal(bytes_from_indices(indices, max))
}

/// The same, not sealed yet.
pub(crate) fn bytes_from_indices(indices: &[u16], max: usize) -> Vec<u8> {
    if u8::try_from(max).is_ok() {
        indices.iter().map(|&index| index as u8).collect()
    } else {
        indices.iter().flat_map(|index| index.to_le_bytes()).collect()
    }
}

/// The inverse of [`bytes_from_indices`].
pub(crate) fn indices_from_bytes(bytes: &[u8], max: usize) -> Result<Vec<u16>, String> {
    if u8::try_from(max).is_ok() {
        return Ok(bytes.iter().map(|&byte| u16::from(byte)).collect());
    }
    numbers_from_bytes(bytes)
}

/// Bytes of an index up to `max`.
pub(crate) fn index_bytes(max: usize) -> usize {
    if u8::try_from(max).is_ok() { 1 } else { 2 }
}

/// The numbers as a sealed blob.
pub(crate) fn blob_from_numbers<T: LittleEndian>(numbers: &[T]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(size_of_val(numbers) + SEAL);
    for &number in numbers {
        blob.extend_from_slice(bytemuck::bytes_of(&number.little_endian()));
    }
    seal(blob)
}

/// The blob with its checksum at the end.
pub(crate) fn seal(mut blob: Vec<u8>) -> Vec<u8> {
    let hash = blake3::hash(&blob);
    blob.extend_from_slice(&hash.as_bytes()[..SEAL]);
    blob
}

/// The bytes of a sealed blob, or the fault found in it.
pub(crate) fn unseal(blob: &[u8]) -> Result<&[u8], String> {
    let Some(split) = blob.len().checked_sub(SEAL) else {
        return Err(format!("a packed column of {} bytes, expected at least {SEAL}", blob.len()));
    };
    let (content, checksum) = blob.split_at(split);
    if blake3::hash(content).as_bytes()[..SEAL] == *checksum {
        Ok(content)
    } else {
        Err("a packed column whose checksum does not fit".to_owned())
    }
}

/// The numbers in unsealed bytes.
pub(crate) fn numbers_from_bytes<T: LittleEndian>(bytes: &[u8]) -> Result<Vec<T>, String> {
    if !bytes.len().is_multiple_of(size_of::<T>()) {
        return Err(format!("a packed column of {} bytes, expected a multiple of {}", bytes.len(), size_of::<T>()));
    }
    Ok(bytes.chunks_exact(size_of::<T>()).map(|b| bytemuck::pod_read_unaligned::<T>(b).little_endian()).collect())
}

/// The numbers in a sealed blob.
pub(crate) fn numbers_from_blob<T: LittleEndian>(blob: &[u8]) -> Result<Vec<T>, String> {
    numbers_from_bytes(unseal(blob)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_take_the_fewest_bytes() {
        for (max, bytes) in [(255, 3), (256, 6)] {
            let blob = blob_from_indices(&[0, 7, 255], max);
            assert_eq!(blob.len(), bytes + SEAL);
            assert_eq!(indices_from_bytes(unseal(&blob).unwrap(), max).unwrap(), [0, 7, 255]);
        }
    }

    #[test]
    fn numbers_survive_the_round_trip() {
        let numbers = [1.5_f32, -0.0, f32::MIN_POSITIVE, 3.4e38];
        let back: Vec<f32> = numbers_from_blob(&blob_from_numbers(&numbers)).unwrap();
        assert_eq!(back.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), numbers.map(f32::to_bits));
        let top = [Top { image: 7, position: 3, value: 0.25 }];
        assert_eq!(numbers_from_blob::<Top>(&blob_from_numbers(&top)).unwrap(), top);
        assert!(numbers_from_blob::<u16>(&blob_from_numbers::<u16>(&[])).unwrap().is_empty());
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let blob = blob_from_numbers(&[1_u32, 2, 3]);
        for bit in 0..blob.len() * 8 {
            let mut damaged = blob.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&damaged).is_err(), "bit {bit}");
        }
        assert!(unseal(&blob[..blob.len() - 1]).is_err());
        assert!(unseal(&[]).is_err());
    }

    #[test]
    fn a_length_that_does_not_divide_is_an_error() {
        assert!(numbers_from_blob::<u32>(&blob_from_numbers(&[1_u16, 2, 3])).is_err());
    }
}
