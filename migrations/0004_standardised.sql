-- A third metric, for which SQLite can change the check of a column only by making the table anew.

CREATE TABLE cluster_set_new (
    id            INTEGER PRIMARY KEY,
    unit_id       INTEGER NOT NULL REFERENCES unit (id) ON DELETE CASCADE,
    layer         TEXT    NOT NULL,
    metric        TEXT    NOT NULL CHECK (metric IN ('euclidean', 'cosine', 'standardised')),
    -- What was asked for; a set made with other numbers is made anew.
    clusters      INTEGER NOT NULL CHECK (clusters > 0),
    nearest       INTEGER NOT NULL CHECK (nearest >= 0),
    dimensions    INTEGER NOT NULL DEFAULT 0,
    inertia       REAL,
    iterations    INTEGER NOT NULL DEFAULT 0,
    -- 'warm': from the centres of previous_step; 'matched': a fresh start was better and got its
    -- numbers by matching with them; 'fresh': there was nothing before.
    origin        TEXT CHECK (origin IN ('warm', 'matched', 'fresh')),
    previous_step INTEGER,
    seconds       REAL    NOT NULL DEFAULT 0,
    problem       TEXT,
    -- u32 [clusters, classes]: members by true class (their sum is the cluster's size).
    mix           BLOB,
    -- f32 [clusters, dimensions], in the space of the metric: scaled rows, standardised columns.
    centres       BLOB,
    -- u32 per cluster: how many follow; then (u32 image, f32 distance) pairs, nearest first.
    neighbours    BLOB,
    UNIQUE (unit_id, layer, metric),
    CHECK ((problem IS NULL) = (mix IS NOT NULL AND centres IS NOT NULL AND neighbours IS NOT NULL
                                AND inertia IS NOT NULL AND origin IS NOT NULL))
) STRICT;

INSERT INTO cluster_set_new SELECT * FROM cluster_set;

CREATE TABLE assignment_new (
    cluster_set_id INTEGER PRIMARY KEY REFERENCES cluster_set_new (id) ON DELETE CASCADE,
    data           BLOB    NOT NULL
) STRICT;

INSERT INTO assignment_new SELECT * FROM assignment;

DROP TABLE assignment;
DROP TABLE cluster_set;
ALTER TABLE cluster_set_new RENAME TO cluster_set;
ALTER TABLE assignment_new RENAME TO assignment;
