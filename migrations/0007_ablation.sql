-- What each class loses when a filter is set to zero, and when it is set to its mean; only where
-- `deepviz stats --ablation` was asked for it.
CREATE TABLE ablation (
    unit_id     INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    layer       TEXT    NOT NULL,
    -- The layer at whose output the filters were set: behind the nonlinearity.
    measured_at TEXT    NOT NULL,
    filters     INTEGER NOT NULL CHECK (filters >= 0),
    -- Images that it was counted over at most, as asked for.
    sample      INTEGER NOT NULL CHECK (sample > 0),
    -- f32 [classes, 3]: images, those that are right, mean of the class's own logit.
    base        BLOB    NOT NULL,
    -- f32 per filter: its mean over images and positions.
    means       BLOB    NOT NULL,
    -- f32 [2, filters, classes, 3], for zero and for the mean: images that are right, images that were right and are
    -- wrong now, mean of the class's own logit.
    effect      BLOB    NOT NULL,
    UNIQUE (unit_id, layer)
) STRICT;
