//! Types of the numbers in a snapshot.

/// What a tensor's bytes are, little-endian. Those of 16 bits are widened exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    F32,
    F16,
    Bf16,
}

impl Dtype {
    /// The type of that name in safetensors' headers.
    pub fn of_name(name: &str) -> Option<Self> {
        match name {
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::Bf16),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    /// Bytes of one number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The numbers that these bytes are, at any alignment.
    pub fn floats(self, bytes: &[u8]) -> Vec<f32> {
        let halves = || bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        match self {
            Self::F32 if cfg!(target_endian = "little") => bytemuck::pod_collect_to_vec(bytes),
            Self::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Self::F16 => halves().map(|bits| half::f16::from_bits(bits).to_f32()).collect(),
            Self::Bf16 => halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
        }
    }
}
