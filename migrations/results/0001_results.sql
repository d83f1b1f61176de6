-- Results that took long and belong to no one run (comparisons of two, checks of methods), as JSON, under what they were
-- computed from: the hashes of snapshots and corpora with the layers and images that were asked for. In a database of its
-- own, results.sqlite of the cache folder: a server only reads the folders of runs.
-- Several processes may create it at once.
CREATE TABLE IF NOT EXISTS result (
    key TEXT PRIMARY KEY,
    -- Seconds since 1970.
    made INTEGER NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS result_by_age ON result (made, bytes);
