//! What `[data]` says of the input: sizes, channels, numbers.

use super::{Recipe, SMALL, changed, check, set};
use crate::recipe::{ChannelOrder, MeanKind, Resize, StdKind, ValueRange};

fn with(data: &str) -> String {
    SMALL.replace("mean = \"channel\"", data)
}

/// Reads the settings, and checks that the recipe written out reads back to the same.
fn read(data: &str) -> Recipe {
    let recipe = Recipe::parse(&with(data), "small.toml", &[]).unwrap();
    assert_eq!(Recipe::parse(&recipe.to_toml(), "small.toml", &[]).unwrap(), recipe);
    recipe
}

#[test]
fn sizes_come_in_three_forms() {
    let resize = |text: &str| read(&format!("resize = {text}")).data.resize;
    assert_eq!(resize("[20, 30]"), Some(Resize::Cover { height: 20, width: 30 }));
    assert_eq!(resize("256"), Some(Resize::ShorterSide(256)));
    assert_eq!(resize("{ height = 2, width = 3, fit = \"stretch\" }"), Some(Resize::Stretch { height: 2, width: 3 }));
    assert_eq!(resize("{ height = 2, width = 3, fit = \"cover\" }"), Some(Resize::Cover { height: 2, width: 3 }));
    assert_eq!(read("").data.resize, None);
    let over = Recipe::parse(SMALL, "small.toml", &set(&[("data.resize", "64")])).unwrap();
    assert_eq!(over.data.resize, Some(Resize::ShorterSide(64)));
}

#[test]
fn numbers_of_channels_are_read_and_written() {
    let data = read(
        "mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\nvalues = \"unit\"\norder = \"bgr\"\nchannels = 3",
    )
    .data;
    assert_eq!(data.mean, MeanKind::Values(vec![0.485, 0.456, 0.406]));
    assert_eq!(data.std, StdKind::Values(vec![0.229, 0.224, 0.225]));
    assert_eq!((data.values, data.order, data.channels), (ValueRange::Unit, ChannelOrder::Bgr, Some(3)));
    assert_eq!(read("mean = [123, 117, 104]\nstd = \"channel\"").data.std, StdKind::Channel);
}

#[test]
fn invalid_input_is_reported() {
    let small = "mean = \"channel\"";
    let wrong = |data: &str, parts: &[&str]| {
        check(&changed(small, data), &["small.toml:3"]);
        check(&changed(small, data), parts);
    };
    wrong("resize = [3, 0]", &["[height, width]", "shorter side", "1 to 8192", "found [3, 0]"]);
    wrong("resize = 0", &["`resize`", "found 0"]);
    wrong("resize = 9000", &["1 to 8192", "9000"]);
    wrong("resize = \"256\"", &["`resize`", "\"256\""]);
    wrong("resize = { height = 3, width = 3 }", &["the key `fit` in data.resize"]);
    wrong("resize = { height = 3, width = 3, fit = \"crop\" }", &["cover, stretch", "\"crop\""]);
    wrong("resize = { height = 3, widht = 3, fit = \"cover\" }", &["the key `width` in data.resize"]);
    wrong("mean = [0.5, 0.5]", &["one for each channel", "[0.5, 0.5]", "`mean`"]);
    wrong("mean = [0.5, \"x\", 1]", &["finite numbers", "\"x\""]);
    wrong("std = [1, 1, 0]", &["above 0", "`std`", "[1, 1, 0]"]);
    wrong("std = \"pixel\"", &["channel, none", "\"pixel\""]);
    wrong("values = \"float\"", &["byte, unit", "\"float\""]);
    wrong("order = \"gbr\"", &["rgb, bgr", "\"gbr\""]);
    wrong("channels = 4", &["1 or 3 for `channels`", "found 4"]);
    // Known only once there are images.
    check(&changed(small, "mean = [0.5]"), &["small.toml", "each channel", "3x8x8", "found 1", "`channels`"]);
    check(&changed(small, "channels = 1\nstd = [1, 2, 3]"), &["`std`", "1x8x8", "found 3"]);
}
