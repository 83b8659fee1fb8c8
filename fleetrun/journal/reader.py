"""Reading the journal: short read-only visits, so no reader pins the WAL."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from fleetrun.errors import JournalError, UsageError
from fleetrun.journal.codec import decode_event, decode_invocation
from fleetrun.journal.database import open_reader, sqlite_errors
from fleetrun.journal.leases import EVENT_BITS, is_held
from fleetrun.model.events import AnyEvent
from fleetrun.model.run import RunRecord, RunState

#: One visit brings at most this many events …
CHUNK_EVENTS: Final = 2_000
#: … and about this much text.
CHUNK_CHARS: Final = 4 * 1024 * 1024

_LEASE_COLUMNS: Final = (
    "holder_pid", "holder_host", "holder_place", "holder_start", "lease_since", "lease_until",
)

_LAST: Final = re.compile(r"last(?:~(\d{1,9}))?", re.ASCII)


def read_runs(path: Path, *, limit: int, now: float) -> tuple[RunRecord, ...]:
    """Returns the latest runs, newest first."""
    rows = _rows(
        path, "SELECT * FROM runs ORDER BY number DESC LIMIT ?", (limit,)
    )
    return tuple(_record(row, now) for row in rows)


def read_run(path: Path, wanted: str, *, now: float) -> RunRecord:
    """Returns a run by id, unique prefix of an id, ``last`` or ``last~N``.

    Raises UsageError (``usage/unknown-run``, ``usage/ambiguous-run``).
    """
    back = _LAST.fullmatch(wanted)
    if back:
        offset = int(back[1] or 0)
        rows = _rows(
            path, "SELECT * FROM runs ORDER BY number DESC LIMIT 1 OFFSET ?", (offset,)
        )
    else:
        rows = _rows(
            path, "SELECT * FROM runs WHERE substr(run, 1, ?) = ? ORDER BY number DESC",
            (len(wanted), wanted),
        ) if wanted else []
        rows = [row for row in rows if row["run"] == wanted] or rows
    if len(rows) == 1:
        return _record(rows[0], now)
    if rows:
        names = ", ".join(row["run"] for row in rows[:5])
        raise UsageError(
            f"`{wanted}` begins the ids of {len(rows)} runs: {names}",
            kind="usage/ambiguous-run", hint="type more of the id",
        )
    raise _unknown(path, wanted)


def find_number(path: Path, run: str) -> int:
    """Returns the number of the run with exactly this id; raises UsageError."""
    rows = _rows(path, "SELECT number FROM runs WHERE run = ?", (run,))
    if not rows:
        raise _unknown(path, run)
    return int(str(rows[0][0]))


def last_event_id(path: Path, number: int) -> int:
    """Returns the id of the run's last event, or the id before its first."""
    rows = _rows(
        path, "SELECT max(id) FROM events WHERE id BETWEEN ? AND ?",
        (number << EVENT_BITS, ((number + 1) << EVENT_BITS) - 1),
    )
    return number << EVENT_BITS if not rows or rows[0][0] is None else int(str(rows[0][0]))


def read_events(path: Path, after: int, last: int) -> tuple[list[AnyEvent], int]:
    """Returns the next chunk of events after an id, and the id it ends with."""
    connection = open_reader(path)
    if connection is None:
        return [], last
    events: list[AnyEvent] = []
    chars = 0
    with closing(connection), sqlite_errors(path):
        cursor = connection.execute(
            "SELECT id, body FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (after, last, CHUNK_EVENTS),
        )
        for event_id, body in cursor:
            events.append(decode_event(body))
            after = event_id
            chars += len(body)
            if chars > CHUNK_CHARS:
                break
    return events, after


def find_damage(path: Path) -> str:
    """Returns what SQLite finds wrong with the file, or "" when it is sound."""
    try:
        rows = _rows(path, "PRAGMA integrity_check(5)", ())
    except JournalError as error:
        return error.message
    return "; ".join(row[0] for row in rows if row[0] != "ok")


def _rows(path: Path, query: str, values: Sequence[str | int]) -> list[sqlite3.Row]:
    connection = open_reader(path)
    if connection is None:
        return []
    with closing(connection), sqlite_errors(path):
        connection.row_factory = sqlite3.Row
        return connection.execute(query, tuple(values)).fetchall()


def _record(row: sqlite3.Row, now: float) -> RunRecord:
    held = tuple(row[name] for name in _LEASE_COLUMNS)
    is_alive = is_held(held, now)
    state = RunState(row["state"])
    if state is RunState.RUNNING and not is_alive:
        # Nobody drives it any more, and nobody closed it.
        state = RunState.INTERRUPTED
    return RunRecord(
        run=row["run"],
        title=row["title"],
        state=state,
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        exit_code=row["exit_code"],
        invocation=decode_invocation(row["invocation"]),
        file_hashes=json.loads(row["file_hashes"]),
        counts=json.loads(row["counts"]),
        owner=f"{row['holder_pid']}@{row['holder_host']}" if is_alive else "",
        cwd=row["cwd"],
    )


def _unknown(path: Path, wanted: str) -> UsageError:
    names = [row["run"] for row in _rows(
        path, "SELECT run FROM runs ORDER BY number DESC LIMIT 1000", ()
    )]
    if not names:
        return UsageError(
            f"there is no run `{wanted}`: the journal is empty", kind="usage/unknown-run",
            hint="start one: fleetrun run PLAYBOOK -i INVENTORY",
        )
    close = get_close_matches(wanted, names, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return UsageError(
        f"there is no run `{wanted}`", kind="usage/unknown-run",
        hint=f"{guess}see: fleetrun runs list",
    )
