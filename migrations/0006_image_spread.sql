-- How much a filter's mean over the positions of an image differs from image to image: f32 per filter. The spread
-- in `filter` is over positions and images together, beside which the classes of a convolution all look alike.
-- NULL in what was computed before; `deepviz stats` computes such a layer again.

ALTER TABLE activity ADD COLUMN image_spread BLOB;
