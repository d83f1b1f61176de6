-- How much a filter's mean over the positions of an image differs from image to image: f32 per filter. The spread
-- in `filter` is over positions and images together, beside which the classes of a convolution all look alike.
-- NULL in what was computed before; `deepviz stats` adds it to the layers that it is asked for.

ALTER TABLE activity ADD COLUMN image_spread BLOB;
