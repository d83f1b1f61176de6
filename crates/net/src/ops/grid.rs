//! Which values of a channel are a map of the image.

use crate::shape::Shape;

/// The values of a channel that are a map of the image: all of them, or of tokens those that are no learnt ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Values of a channel before the map: learnt tokens.
    pub learnt: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Grid {
    /// All of a shape's pixels.
    pub const fn of(shape: Shape) -> Self {
        Self { learnt: 0, height: shape.height, width: shape.width }
    }

    /// Values of the map.
    pub const fn area(self) -> usize {
        self.height * self.width
    }

    /// The map's values among those of a channel.
    pub fn values(self, channel: &[f32]) -> &[f32] {
        channel.get(self.learnt..self.learnt + self.area()).unwrap_or(&[])
    }

    /// Where nothing rearranges pixels: the grid of an input whose maps are of the output's size, or that of the output;
    /// none where no input is a map of the image.
    pub(crate) fn from_inputs(inputs: &[(Shape, Option<Self>)], output: Shape) -> Option<Self> {
        let is_same = |shape: &Shape| (shape.height, shape.width) == (output.height, output.width);
        let mut maps = inputs.iter().filter_map(|(shape, grid)| grid.map(|grid| (shape, grid))).peekable();
        maps.peek()?;
        Some(maps.find(|(shape, _)| is_same(shape)).map_or(Self::of(output), |(_, grid)| grid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;
    use crate::recipe::{Recipe, short};

    #[test]
    fn tokens_keep_the_map_of_the_image_and_attention_weights_are_none() {
        let layers = "p conv filters=4 size=2 stride=2\nt class_token\nr class_token count=2\nn layer_norm\n\
             w attention_weights heads=2 inputs=[\"n\",\"n\"]\ny attention inputs=[\"w\",\"n\"]\nc crop top=3 height=16 width=1\n\
             m transpose height=4\nx conv filters=16 size=1\nb transpose height=16\nf crop height=1 width=1\n\
             fc full outputs=3\nend softmax";
        let text = format!("{}\n[train]\nstages = [{{ epochs = 1, rate = 1 }}]", short(layers));
        let network = Network::new(&Recipe::parse(&text, "n", &[]).unwrap(), Shape::new(3, 8, 8), 3).unwrap();
        let layer = |name: &str| &network.layers()[network.index_of(name).unwrap()];
        let map = |learnt| Some(Grid { learnt, height: 4, width: 4 });
        assert_eq!(layer("p").grid, map(0));
        assert_eq!(["t", "r", "n", "y", "c"].map(|name| layer(name).grid), [map(1), map(3), map(3), map(3), map(0)]);
        assert_eq!(["w", "m", "x"].map(|name| layer(name).grid), [None; 3]);
        assert_eq!(layer("b").grid, Some(Grid { learnt: 0, height: 16, width: 1 }));
        assert_eq!(layer("w").drawn_grid(), Grid { learnt: 0, height: 19, width: 19 });
        assert_eq!(layer("f").grid, Some(Grid { learnt: 0, height: 1, width: 1 }));
        let channel: Vec<f32> = (0..19_u8).map(f32::from).collect();
        assert!(map(3).unwrap().values(&channel).iter().eq(&channel[3..]));
        let said = network.describe(layer("n"));
        assert!(said.ends_with("4 x 4 pixels after 3 learnt tokens, which are not drawn"), "{said}");
    }
}
