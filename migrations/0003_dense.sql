-- Outputs, rankings and assignments in fewer bytes; predictions by image; what filters and weights do;
-- leases, so that several processes can share the work. Units of before lack most of this and are
-- computed anew.

DELETE FROM unit;
DROP TABLE logits;
DROP TABLE cell_image;
DROP TABLE assignment;

-- Rows of outputs, 512 images per chunk (the last one shorter): image first_image + 512 * chunk + row.
-- Up to 100 classes: f32 the greatest output, then u16 per class, how far below it lies (codec.rs).
-- More: f32 the greatest, f32 ln of the sum of exp(output - greatest) over all that are not named,
-- u16 the true class's distance, then 20 times (u16 class, u16 distance), the greatest first.
CREATE TABLE output (
    unit_id INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    chunk   INTEGER NOT NULL CHECK (chunk >= 0),
    data    BLOB    NOT NULL,
    UNIQUE (unit_id, chunk)
) STRICT;

-- Per image of the split its predicted class (u8 up to 256 classes, else u16); then per image, as i16 in
-- units of 1/32767, its margin: p(true class) - the greatest other p.
CREATE TABLE prediction (
    unit_id INTEGER PRIMARY KEY REFERENCES unit (id) ON DELETE CASCADE,
    data    BLOB    NOT NULL
) STRICT;

-- 4,096 places per chunk, each an image (its id less first_image: u16 up to 65,536 images, else u32) and
-- u16, the probability of the predicted class in units of 1/65535: the cells one after the other in the
-- order of `confusion`, whose running sum of counts gives each cell's place; within a cell most
-- confident first.
CREATE TABLE cell_image (
    unit_id INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    chunk   INTEGER NOT NULL CHECK (chunk >= 0),
    data    BLOB    NOT NULL,
    UNIQUE (unit_id, chunk)
) STRICT;

-- Per image of the split: the cluster it is in (u8 up to 256 clusters, else u16).
CREATE TABLE assignment (
    cluster_set_id INTEGER PRIMARY KEY REFERENCES cluster_set (id) ON DELETE CASCADE,
    data           BLOB    NOT NULL
) STRICT;

-- What one layer's filters do over the split.
CREATE TABLE activity (
    unit_id INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    layer   TEXT    NOT NULL,
    filters INTEGER NOT NULL CHECK (filters >= 0),
    -- Columns of the layer's output: a place is y * width + x.
    width   INTEGER NOT NULL CHECK (width > 0),
    -- How many images follow for each filter in `top`.
    places  INTEGER NOT NULL CHECK (places >= 0),
    -- Five f32 per filter: mean, spread, share of zeros, share of images with a value above 0, maximum.
    filter  BLOB    NOT NULL,
    -- f32 [3, filters, classes]: mean, spread, share of zeros; NULL with more than 100 classes.
    class   BLOB,
    -- (u32 image, u32 place, f32 value) per filter and place, the greatest value first.
    top     BLOB    NOT NULL,
    UNIQUE (unit_id, layer)
) STRICT;

-- The weights of a snapshot: seven f32 per array in the network's order: norm, mean, spread, minimum,
-- maximum, norm of the last step's update over the norm, norm of the change since the snapshot before
-- over the norm there (NaN where there is none).
CREATE TABLE weight (
    step          INTEGER PRIMARY KEY CHECK (step >= 0),
    snapshot_hash TEXT NOT NULL,
    -- The snapshot before, '' for the first.
    previous_hash TEXT NOT NULL,
    data          BLOB NOT NULL
) STRICT;

-- Who is computing which unit, and until when (Unix time in ms) nobody else does.
CREATE TABLE lease (
    step    INTEGER NOT NULL,
    split   TEXT    NOT NULL,
    owner   TEXT    NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (step, split)
) STRICT, WITHOUT ROWID;
