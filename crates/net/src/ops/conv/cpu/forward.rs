//! The forward pass of a convolution.

use super::winograd::{self, FEW_PIXELS, Winograd};
use crate::device::VectorLevel;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use crate::device::cpu::layout::Layout;
use crate::device::cpu::window::{Layouts, Taps, Windows, tail};

/// A convolution's forward pass over one chunk of images.
#[derive(Debug)]
pub(crate) struct ConvForward {
    windows: Windows,
    taps: Taps,
    method: Method,
    shared_bias: bool,
    output: Layout,
}

/// How it is computed: by the shape alone, since the order of the sums is part of the result.
#[derive(Debug)]
enum Method {
    /// One product, with a row for each pixel of each image.
    Product(Gemm),
    /// A product for each pixel of the output, with a row for each image, over the taps that lie inside the input there.
    /// The sums are those of [`Method::Product`] without the zeros.
    PerPixel(Vec<Gemm>),
    Winograd(Box<Winograd>),
}

/// A convolution's filters, packed for [`ConvForward`].
#[derive(Debug, Default, Clone)]
pub(crate) struct ConvWeights {
    pub filters: Buffer,
    pub bias: Buffer,
}

impl ConvForward {
    pub fn new(windows: Windows, shared_bias: bool, layouts: Layouts, images: usize) -> Self {
        let Layouts { input, output } = layouts;
        let taps = windows.taps(&input);
        let area = output.shape.height * output.shape.width;
        let is_padded = [windows.rows, windows.columns].iter().any(|axis| axis.before + axis.after > 0);
        let method = if winograd::applies(&windows) {
            Method::Winograd(Box::new(Winograd::new(windows.rows.size, windows.rows.before, input, output)))
        } else if area <= FEW_PIXELS && is_padded {
            let pixels = (0..area).map(|pixel| (pixel / output.shape.width, pixel % output.shape.width));
            Method::PerPixel(pixels.map(|pixel| product_of_pixel(&windows, &taps, layouts, images, pixel)).collect())
        } else {
            Method::Product(product_of_all(&windows, &taps, layouts, images))
        };
        Self { windows, taps, method, shared_bias, output }
    }

    /// Whether one image is work enough for several threads.
    pub fn is_shared(&self) -> bool {
        matches!(&self.method, Method::Winograd(winograd) if winograd.is_shared())
    }

    /// Packs weights `[k,c,r,s]` and biases `[k]` or `[k,oh,ow]`.
    pub fn pack(&self, level: VectorLevel, weights: &[f32], bias: &[f32], packed: &mut ConvWeights) {
        let groups = self.windows.groups;
        let length = self.taps.packed_len();
        let per_group = self.windows.filters() * self.windows.weights();
        let direct = |filters: &mut Buffer| {
            filters.grow(groups * length);
            for group in 0..groups {
                self.taps.pack(&weights[group * per_group..][..per_group], &mut filters[group * length..][..length]);
            }
        };
        match &self.method {
            Method::Winograd(winograd) => winograd.pack(level, &mut packed.filters, direct),
            Method::Product(_) | Method::PerPixel(_) => direct(&mut packed.filters),
        }
        if self.shared_bias {
            packed.bias.grow(self.output.stride + BLOCK);
            packed.bias[..bias.len()].copy_from_slice(bias);
        } else {
            let area = self.output.shape.height * self.output.shape.width;
            packed.bias.grow(area * self.output.stride);
            for (filter, map) in bias.chunks_exact(area).enumerate() {
                for (place, &value) in map.iter().enumerate() {
                    packed.bias[place * self.output.stride + filter] = value;
                }
            }
        }
    }

    /// Convolves the first `images` images.
    pub fn apply(&self, level: VectorLevel, images: usize, weights: &ConvWeights, values: (&[f32], &mut [f32])) {
        let (input, output) = values;
        if !self.shared_bias {
            let width = self.output.shape.width * self.output.stride;
            for image in 0..images {
                for (y, row) in weights.bias.chunks_exact(width).enumerate() {
                    output[self.output.pixels(image, y)].copy_from_slice(row);
                }
            }
        }
        let products = match &self.method {
            Method::Winograd(winograd) => {
                let start = if self.shared_bias { InitialSum::Bias(&weights.bias) } else { InitialSum::Add };
                return winograd.apply(level, images, &weights.filters, (input, output, start));
            }
            Method::Product(product) => std::slice::from_ref(product),
            Method::PerPixel(products) => products,
        };
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        let length = self.taps.packed_len();
        let area = self.output.shape.height * self.output.shape.width;
        for group in 0..self.windows.groups {
            for product in products {
                let start =
                    if self.shared_bias { InitialSum::Bias(&weights.bias[group * filters..]) } else { InitialSum::Add };
                let operands = GemmOperands {
                    a: &input[group * channels..],
                    b: &weights.filters[group * length..],
                    c: &mut output[group * filters..],
                    start,
                    rows: 0..images * (area / products.len()),
                    segments: 0..product.counts().1,
                };
                product.apply(level, operands);
            }
        }
    }
}

/// The product with a row for each pixel of each image.
fn product_of_all(windows: &Windows, taps: &Taps, Layouts { input, output }: Layouts, images: usize) -> Gemm {
    let mut rows = Vec::new();
    for image in 0..images {
        for y in 0..output.shape.height {
            for x in 0..output.shape.width {
                rows.push(row_of(windows, &input, &output, (image, y, x)));
            }
        }
    }
    product(windows, taps, rows, taps.stretches(), taps.stretch())
}

/// The product of one pixel of all images, over the taps inside the input.
fn product_of_pixel(
    windows: &Windows,
    taps: &Taps,
    Layouts { input, output }: Layouts,
    images: usize,
    (y, x): (usize, usize),
) -> Gemm {
    let rows = (0..images).map(|image| row_of(windows, &input, &output, (image, y, x)));
    let inside = (windows.rows.inside(y, input.shape.height), windows.columns.inside(x, input.shape.width));
    let (stretches, length) = taps.stretches_inside(inside.0, inside.1);
    product(windows, taps, rows.collect(), stretches, length)
}

fn row_of(windows: &Windows, input: &Layout, output: &Layout, (image, y, x): (usize, usize, usize)) -> RowOffset {
    let (iy, ix) = windows.origin(y, x);
    RowOffset { a: input.offset(image, iy, ix) as u32, c: output.pixel(image, y, x).start as u32 }
}

fn product(
    windows: &Windows,
    taps: &Taps,
    rows: Vec<RowOffset>,
    stretches: Vec<(usize, usize)>,
    length: usize,
) -> Gemm {
    let segments = stretches.into_iter().map(|(offset, tap)| Segment { a: offset as u32, b: (tap * BLOCK) as u32 });
    Gemm::new(GemmTable {
        rows,
        segments: segments.collect(),
        length,
        a_stride: 1,
        b_stride: BLOCK,
        vectors: windows.filters().div_ceil(LANES),
        b_block: taps.packed_block(),
        c_block: BLOCK,
        tail: tail(windows.filters(), windows.groups),
    })
}
