-- What one pass over (snapshot, split) yields: outputs, confusion, the images of each cell.
-- Every blob is little-endian and ends with the first 8 bytes of the BLAKE3 of what stands before.

CREATE TABLE unit (
    id            INTEGER PRIMARY KEY,
    step          INTEGER NOT NULL CHECK (step >= 0),
    split         TEXT    NOT NULL CHECK (split IN ('train', 'test')),
    state         TEXT    NOT NULL CHECK (state IN ('ready', 'failed')),
    -- Where the numbers came from; a unit whose hashes differ from the files' is stale and never shown.
    snapshot_hash TEXT    NOT NULL,
    corpus_hash   TEXT    NOT NULL,
    -- The outcome of a ready unit.
    classes       INTEGER NOT NULL DEFAULT 0 CHECK (classes >= 0),
    first_image   INTEGER NOT NULL DEFAULT 0 CHECK (first_image >= 0),
    images        INTEGER NOT NULL DEFAULT 0 CHECK (images >= 0),
    loss          REAL,
    error         REAL,
    seconds       REAL    NOT NULL DEFAULT 0,
    -- Why a failed unit failed.
    problem       TEXT,
    version       TEXT    NOT NULL,
    computed_at   INTEGER NOT NULL DEFAULT (unixepoch()),
    UNIQUE (step, split),
    CHECK ((state = 'failed') = (problem IS NOT NULL))
) STRICT;

CREATE INDEX unit_by_split ON unit (split, step);

-- f32 [256, classes] per chunk (the last one shorter): image first_image + 256 * chunk + row.
CREATE TABLE logits (
    unit_id INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    chunk   INTEGER NOT NULL CHECK (chunk >= 0),
    data    BLOB    NOT NULL,
    UNIQUE (unit_id, chunk)
) STRICT;

-- u32 triplets (true class, predicted class, count) of the cells that are not empty, in that order.
CREATE TABLE confusion (
    unit_id INTEGER PRIMARY KEY REFERENCES unit (id) ON DELETE CASCADE,
    data    BLOB    NOT NULL
) STRICT;

-- (u32 image, f32 probability of the predicted class), 4,096 pairs per chunk: the cells one after
-- the other in the order of `confusion`, whose running sum of counts gives each cell's place;
-- within a cell most confident first.
CREATE TABLE cell_image (
    unit_id INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    chunk   INTEGER NOT NULL CHECK (chunk >= 0),
    data    BLOB    NOT NULL,
    UNIQUE (unit_id, chunk)
) STRICT;
