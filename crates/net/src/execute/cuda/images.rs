//! Images and their views on the way to the device.

use crate::device::cuda::{Arg, Cuda, DeviceAddress, Grid, Memory};
use crate::error::Error;
use crate::input::{ChannelOrder, Padding, Preprocess, STD_LENGTH, View};
use crate::network::Network;
use cudarc::driver::{DeviceRepr, ValidAsZeroBits};
use ndarray::ArrayView3;

/// A view as the kernels read it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct DeviceView {
    y: i16,
    x: i16,
    flipped: u16,
    cut: u16,
    rows: [u16; 2],
    columns: [u16; 2],
    brightness: f32,
    contrast: f32,
}

// SAFETY: numbers, laid out as the kernels' struct `View`.
#[expect(unsafe_code, reason = "copied to the device byte by byte")]
unsafe impl DeviceRepr for DeviceView {}
// SAFETY: zeros are numbers.
#[expect(unsafe_code, reason = "copied to the device byte by byte")]
unsafe impl ValidAsZeroBits for DeviceView {}

impl From<&View> for DeviceView {
    fn from(view: &View) -> Self {
        let (rows, columns) = view.cutout.map_or(((0, 0), (0, 0)), |cutout| (cutout.rows, cutout.columns));
        Self {
            y: view.y,
            x: view.x,
            flipped: view.flipped.into(),
            cut: view.cutout.is_some().into(),
            rows: rows.into(),
            columns: columns.into(),
            brightness: view.brightness,
            contrast: view.contrast,
        }
    }
}

impl DeviceView {
    /// Whether brightness or contrast change, which needs the image's own mean.
    #[expect(clippy::float_cmp, reason = "exactly 1 is what an unchanged view has")]
    fn changes_colours(view: &View) -> bool {
        view.brightness != 1.0 || view.contrast != 1.0
    }
}

/// The preprocessing of images for the first layer, on the device.
#[derive(Debug)]
pub(crate) struct Preprocessing {
    preprocess: std::sync::Arc<Preprocess>,
    mean: Option<Memory<f32>>,
    /// What each channel is multiplied by.
    factors: Memory<f32>,
    /// Mean pixel of every image, where colours change.
    image_means: Memory<f32>,
}

/// Images on the device, numbers of those that are wanted, and the view of each.
#[derive(Clone, Copy)]
pub(crate) struct Images {
    pub pixels: DeviceAddress,
    pub ids: DeviceAddress,
    pub views: DeviceAddress,
    pub count: usize,
    /// Whether any view changes colours.
    pub coloured: bool,
}

impl Preprocessing {
    pub fn new(
        on: &Cuda,
        network: &Network,
        preprocess: std::sync::Arc<Preprocess>,
        images: usize,
    ) -> Result<Self, Error> {
        let mean = preprocess.mean.as_ref().map(|mean| Memory::of(on, &mean.iter().copied().collect::<Vec<_>>()));
        let channels = network.input().channels;
        if let Some(std) = preprocess.std.as_ref().filter(|std| std.len() != channels) {
            let found = std.len().to_string();
            return Err(Error::Input { what: STD_LENGTH, expected: format!("{channels} numbers"), found });
        }
        let factors: Vec<_> = (0..channels).map(|channel| preprocess.factor(channel)).collect();
        Ok(Self {
            mean: mean.transpose()?,
            factors: Memory::of(on, &factors)?,
            image_means: Memory::zeros(on, images)?,
            preprocess,
        })
    }

    /// Refuses images and views that do not fit, as the CPU does.
    pub fn check(&self, network: &Network, images: &[ArrayView3<'_, u8>], views: &[View]) -> Result<(), Error> {
        let (image, input) = (network.image().dims(), network.input().dims());
        let transform = network.transform();
        images.iter().zip(views).try_for_each(|(given, view)| {
            transform.check(given.dim())?;
            self.preprocess.check_view(image.into(), *view, input.into())
        })
    }

    /// Writes the views into `out`, the network's input.
    pub fn run(&self, on: &Cuda, network: &Network, images: Images, out: DeviceAddress) -> Result<(), Error> {
        let [channels, height, width] = network.image().dims();
        let input = network.input();
        let Images { pixels, ids, views, count, coloured } = images;
        let means = coloured.then(|| self.image_means.at());
        if let Some(means) = means {
            let args = [pixels.into(), ids.into(), count.into(), network.image().len().into(), means.into()];
            on.launch("image_means", Grid::Blocks(count), &args)?;
        }
        let padding = match self.preprocess.padding {
            None => 0,
            Some(Padding::Zero) => 1,
            Some(Padding::Reflect) => 2,
        };
        let mean = self.mean.as_ref().map(Memory::at);
        let pointers = [pixels.into(), ids.into(), views.into(), mean.into(), means.into()];
        let unit = self.preprocess.values.factor() as f32;
        let is_reversed = self.preprocess.order == ChannelOrder::Bgr;
        let settings = [self.factors.at().into(), Arg::Float(unit), Arg::Int(is_reversed.into()), Arg::Int(padding)];
        let sides = [count, channels, height, width, input.height, input.width].map(Arg::from);
        let args = [&pointers[..], &settings, &sides, &[out.into()]].concat();
        on.launch("preprocess", Grid::ThreadPerElement(count * input.len()), &args)
    }
}

/// Views as the kernels read them, and whether any changes colours.
pub(crate) fn device_views(views: &[View]) -> (Vec<DeviceView>, bool) {
    (views.iter().map(DeviceView::from).collect(), views.iter().any(DeviceView::changes_colours))
}

/// Numbers of the images 0, 1, ... and their views, padded to `count` by repeating the last; and whether any view
/// changes colours.
pub(crate) fn padded(views: &[View], count: usize) -> (Vec<u32>, Vec<DeviceView>, bool) {
    let (mut device, coloured) = device_views(views);
    let last = device.last().copied().unwrap_or_default();
    device.resize(count.max(views.len()), last);
    let ids = (0..device.len()).map(|index| index.min(views.len().saturating_sub(1)) as u32);
    (ids.collect(), device, coloured)
}
