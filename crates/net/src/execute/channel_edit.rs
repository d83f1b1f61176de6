//! A channel of a layer's output, set to one value.

/// A channel of a layer's output that is set to one value everywhere, as if its filter gave nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelEdit {
    /// Number of the channel.
    pub channel: usize,
    /// Its value at every position.
    pub value: f32,
}
