-- What operators want of a run, until its engine takes it. Added within schema
-- version 1: a fleetrun that does not know the table leaves it alone.
CREATE TABLE IF NOT EXISTS wishes (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    run   INTEGER NOT NULL REFERENCES runs (number),
    at    REAL NOT NULL,                       -- seconds since the epoch
    by    TEXT NOT NULL,                       -- user@host
    kind  TEXT NOT NULL,
    stage TEXT NOT NULL
) STRICT
