//! Numbers packed into blobs: little-endian, sealed with a checksum.
//!
//! `SQLite` keeps no checksums of its own, so a flipped bit in a blob would otherwise be shown as a
//! number. Eight bytes of BLAKE3 at the end of each blob make it an error instead.

/// Bytes of checksum at the end of a blob.
const SEAL: usize = 8;

/// A plain number of fixed size, as it stands in a blob.
pub(crate) trait Number: bytemuck::Pod {
    /// The number with its bytes in little-endian order (its own inverse).
    fn little_endian(self) -> Self;
}

impl Number for u16 {
    fn little_endian(self) -> Self {
        self.to_le()
    }
}

impl Number for u32 {
    fn little_endian(self) -> Self {
        self.to_le()
    }
}

impl Number for f32 {
    fn little_endian(self) -> Self {
        Self::from_bits(self.to_bits().to_le())
    }
}

/// One place in a ranking: an image and its number (a probability, a distance).
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Ranked {
    pub image: u32,
    pub value: f32,
}

impl Number for Ranked {
    fn little_endian(self) -> Self {
        Self { image: self.image.little_endian(), value: self.value.little_endian() }
    }
}

/// The numbers as a sealed blob.
pub(crate) fn blob_from_numbers<T: Number>(numbers: &[T]) -> Vec<u8> {
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

/// What stands in a sealed blob, or what is wrong with it.
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
pub(crate) fn numbers_from_bytes<T: Number>(bytes: &[u8]) -> Result<Vec<T>, String> {
    if !bytes.len().is_multiple_of(size_of::<T>()) {
        return Err(format!("a packed column of {} bytes, expected a multiple of {}", bytes.len(), size_of::<T>()));
    }
    Ok(bytes.chunks_exact(size_of::<T>()).map(|b| bytemuck::pod_read_unaligned::<T>(b).little_endian()).collect())
}

/// The numbers in a sealed blob.
pub(crate) fn numbers_from_blob<T: Number>(blob: &[u8]) -> Result<Vec<T>, String> {
    numbers_from_bytes(unseal(blob)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_the_round_trip() {
        let numbers = [1.5_f32, -0.0, f32::MIN_POSITIVE, 3.4e38];
        let back: Vec<f32> = numbers_from_blob(&blob_from_numbers(&numbers)).unwrap();
        assert_eq!(back.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), numbers.map(f32::to_bits));
        let ranked = [Ranked { image: 7, value: 0.25 }];
        assert_eq!(numbers_from_blob::<Ranked>(&blob_from_numbers(&ranked)).unwrap(), ranked);
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
