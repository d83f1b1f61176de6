-- The finished ledger of a split, so that it need not be made from every checkpoint's predictions when it is
-- asked for. It goes as soon as a unit that it was made from goes or another one comes.

CREATE TABLE ledger (
    split  TEXT PRIMARY KEY CHECK (split IN ('train', 'test')),
    -- BLAKE3 of the units it was made from: a ledger of other units is not shown.
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- 512 images per chunk (the last one shorter), in the order of their ids. Of each: u32 index of the checkpoint
-- at which it was learned (all bits where it never was), u32 times forgotten, u32 flips, u32 checkpoints at
-- which it is right, u32 of the later half that say what the last one says; u16 the last prediction, i16 the
-- last margin in units of 1/32767; f32 mean margin, f32 mean margin over the later half.
CREATE TABLE ledger_part (
    split TEXT    NOT NULL REFERENCES ledger (split) ON DELETE CASCADE,
    chunk INTEGER NOT NULL CHECK (chunk >= 0),
    data  BLOB    NOT NULL,
    UNIQUE (split, chunk)
) STRICT;

CREATE TRIGGER ledger_unit_gone AFTER DELETE ON unit BEGIN
    DELETE FROM ledger WHERE split = OLD.split;
END;

CREATE TRIGGER ledger_unit_came AFTER INSERT ON prediction BEGIN
    DELETE FROM ledger WHERE split = (SELECT split FROM unit WHERE id = NEW.unit_id);
END;

CREATE TRIGGER ledger_unit_changed AFTER UPDATE ON prediction BEGIN
    DELETE FROM ledger WHERE split = (SELECT split FROM unit WHERE id = NEW.unit_id);
END;

-- Clusters are made anew: images on a border now stay where they were, and a series of the older method and
-- of this one would show moves that are none.
DELETE FROM assignment;
DELETE FROM cluster_set;
