"""Opening the SQLite file, and sqlite3's errors as ours (the only place)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fleetrun.errors import JournalError
from fleetrun.journal.paths import make_private_file

SCHEMA_VERSION: Final = 1

#: "FlRn" in the file's header, so that `file` and we know our own.
APPLICATION_ID: Final = 0x466C526E

#: How long a write waits for another process before it gives up.
BUSY_TIMEOUT_S: Final = 15.0

#: The WAL file is cut back to this size when a checkpoint restarts it.
WAL_LIMIT_BYTES: Final = 64 * 1024 * 1024

_RETRY_S: Final = 0.02

#: Source: sqlite.org/fileformat2.html, 1.3.1.
_MAGIC: Final = b"SQLite format 3\0"

#: Prefix of sqlite_errorname -> (kind, what happened, what to do).
_CAUSES: Final = (
    ("SQLITE_FULL", "journal/disk-full", "no space left for the journal",
     "free some space in {folder} (df -h {folder})"),
    ("SQLITE_IOERR", "journal/io", "the journal's disk does not work",
     "look at `dmesg` and `df -h {folder}`"),
    ("SQLITE_READONLY", "journal/read-only", "the journal cannot be written",
     "make {folder} writable, or set FLEETRUN_STATE to a folder that is"),
    ("SQLITE_CANTOPEN", "journal/unwritable", "the journal cannot be opened",
     "make {folder} writable, or set FLEETRUN_STATE to a folder that is"),
    ("SQLITE_PERM", "journal/unwritable", "the journal cannot be opened",
     "make {folder} writable, or set FLEETRUN_STATE to a folder that is"),
    ("SQLITE_BUSY", "journal/busy", "another process keeps the journal locked",
     "see who has it open: fuser {path}"),
    ("SQLITE_CORRUPT", "journal/corrupt", "the journal is damaged",
     "move {path} away or restore it from a backup"),
    ("SQLITE_NOTADB", "journal/not-a-journal", "the file is no journal",
     "move {path} away, or set FLEETRUN_STATE to another folder"),
)


def journal_error(error: sqlite3.Error, path: Path) -> JournalError:
    """Returns what an error of SQLite means for the operator."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for prefix, kind, what, hint in _CAUSES:
        if name.startswith(prefix):
            return JournalError(
                f"{what}: {path}: {error}", kind=kind,
                hint=hint.format(folder=path.parent, path=path),
            )
    return JournalError(
        f"the journal failed: {path}: {error}", kind="journal/sqlite",
        hint=f"check it: sqlite3 {path} 'PRAGMA integrity_check'",
    )


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turns sqlite3's errors inside the block into JournalError."""
    try:
        yield
    except sqlite3.Error as error:
        raise journal_error(error, path) from error


def open_writer(path: Path) -> sqlite3.Connection:
    """Opens the journal for writing; makes folder, file and schema if missing.

    Refuses a file of a newer schema, or one that is not ours, before anything
    in it is touched. Raises JournalError.
    """
    _refuse_foreign(path)
    make_private_file(path)
    with sqlite_errors(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, cached_statements=64
        )
        try:
            _set_up(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection | None:
    """Opens the journal read-only; None when there is none yet.

    Works in a read-only folder too. Raises JournalError.
    """
    if not _has_content(path):
        return None
    with sqlite_errors(path):
        connection = _connect_read_only(path)
        try:
            version = _check_version(connection, path)
        except BaseException:
            connection.close()
            raise
    if version == 0:
        connection.close()
        return None
    return connection


def _has_content(path: Path) -> bool:
    """True for a database file; SQLite itself would take a short file as empty."""
    try:
        with path.open("rb") as stream:
            head = stream.read(len(_MAGIC))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise JournalError(
            f"cannot read the journal {path}: {error.strerror or error}",
            kind="journal/unreadable",
            hint=f"run as the owner of {path}, or set FLEETRUN_STATE to a folder of yours",
        ) from error
    if head and head != _MAGIC:
        raise JournalError(
            f"{path} is no journal", kind="journal/not-a-journal",
            hint=f"move {path} away, or set FLEETRUN_STATE to another folder",
        )
    return bool(head)


def _connect_read_only(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(f"{path.name}-wal").exists():
            raise
        # A cleanly closed WAL database in a folder where -shm cannot be made.
        return sqlite3.connect(
            f"{uri}&immutable=1", uri=True, isolation_level=None, check_same_thread=False
        )
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_foreign(path: Path) -> None:
    reader = open_reader(path)
    if reader is not None:
        reader.close()


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise JournalError(
            f"{path} is another program's database",
            kind="journal/not-a-journal",
            hint="set FLEETRUN_STATE to another folder",
        )
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path} has schema version {version}; this fleetrun knows up to {SCHEMA_VERSION}",
            kind="journal/newer-schema",
            hint="use the newer fleetrun, or set FLEETRUN_STATE to another folder",
        )
    return int(version)


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    _use_wal(connection)
    connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_BYTES}")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _check_version(connection, path) == 0:
            _create_schema(connection)
        connection.execute(_sql("wishes.sql"))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switches to WAL; SQLite's own busy handler does not cover this switch."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not is_busy or time.monotonic() > give_up_at:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _create_schema(connection: sqlite3.Connection) -> None:
    for statement in _sql("schema.sql").split(";\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _sql(name: str) -> str:
    return files("fleetrun.journal").joinpath("sql", name).read_text(encoding="utf-8")
