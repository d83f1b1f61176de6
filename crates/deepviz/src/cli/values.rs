//! Values of options.

use clap::ValueEnum;
use std::str::FromStr;

/// `KEY=VALUE` of `--set`.
#[derive(Debug, Clone)]
pub struct Override {
    /// The recipe key, dotted.
    pub key: String,
    /// Its value, as TOML; a bare word counts as a string.
    pub value: String,
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: value.trim().to_owned() })
            }
            _ => Err("expected KEY=VALUE, e.g. train.batch=64".to_owned()),
        }
    }
}

/// `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best there is.
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU by its number.
    Cuda(u32),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|number| number.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| "expected auto, cpu, cuda or cuda:N".to_owned()),
        }
    }
}

/// `--checkpoint` of `stats unit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointChoice {
    /// By its place in step order.
    Index(usize),
    /// The newest.
    Last,
}

impl FromStr for CheckpointChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            _ => text.parse().map(Self::Index).map_err(|_| "expected a number or last".to_owned()),
        }
    }
}

/// `--split`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitChoice {
    /// The training images.
    Train,
    /// The test images.
    Test,
    /// Both.
    All,
}

/// `--metric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricChoice {
    /// Straight distance.
    Euclidean,
    /// Angle.
    Cosine,
    /// Straight distance once every value has mean 0 and spread 1 over the images.
    Standardised,
}

/// `--normalise`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NormaliseChoice {
    /// One scale for the sheet.
    Sheet,
    /// One scale a filter.
    Filter,
    /// One scale for all checkpoints.
    Timeline,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_parse() {
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert!("gpu".parse::<DeviceChoice>().is_err());
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn overrides_keep_later_equals_signs() {
        let over: Override = "train.note=a=b".parse().unwrap();
        assert_eq!((over.key.as_str(), over.value.as_str()), ("train.note", "a=b"));
        assert!("train.batch".parse::<Override>().is_err());
        assert!("=4".parse::<Override>().is_err());
    }
}
