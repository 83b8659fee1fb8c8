-- Journal schema, version 1 (PRAGMA user_version). Events are never updated.

CREATE TABLE runs (
    number       INTEGER PRIMARY KEY,          -- order of creation
    run          TEXT NOT NULL UNIQUE,
    title        TEXT NOT NULL,
    state        TEXT NOT NULL,
    created_at   REAL NOT NULL,                -- seconds since the epoch
    finished_at  REAL,
    exit_code    INTEGER,
    invocation   TEXT NOT NULL,                -- JSON
    file_hashes  TEXT NOT NULL,                -- JSON, path -> sha256
    counts       TEXT NOT NULL DEFAULT '{}',   -- JSON, outcome -> devices
    cwd          TEXT NOT NULL,
    -- The lease. A write is taken only with the current epoch of a held lease.
    epoch        INTEGER NOT NULL,
    holder_pid   INTEGER,                      -- NULL: nobody holds it
    holder_host  TEXT NOT NULL DEFAULT '',
    holder_place TEXT NOT NULL DEFAULT '',     -- boot id and PID namespace
    holder_start TEXT NOT NULL DEFAULT '',     -- tells a reused PID apart
    lease_since  REAL NOT NULL DEFAULT 0,
    lease_until  REAL NOT NULL DEFAULT 0
) STRICT;

-- id = runs.number * 2^40 + position in the run from 1: appending stays at the
-- end of the tree, and a run is one range of it.
CREATE TABLE events (
    id   INTEGER PRIMARY KEY,
    body TEXT NOT NULL                         -- JSON, one event
) STRICT;

CREATE TABLE device_locks (
    device TEXT PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES runs (number),
    since  REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX device_locks_by_run ON device_locks (run);
