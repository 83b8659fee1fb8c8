"""Leases and device locks: what may write, decided inside each transaction.

Every function here runs in the writer's thread, within a transaction that
already holds SQLite's write lock, so what it checks stays true until commit.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fleetrun.contracts import Lease
from fleetrun.errors import JournalError, LockedError, UsageError
from fleetrun.journal.codec import encode_invocation
from fleetrun.journal.holder import Holder
from fleetrun.model.run import Invocation, RunState, Wish, WishKind

#: Row ids of a run's events begin at number << EVENT_BITS.
EVENT_BITS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What is stored of a run when it begins."""

    run: str
    title: str
    invocation: Invocation
    file_hashes: Mapping[str, str]
    cwd: str


class LeaseBook:
    """The leases as one transaction sees them, at the time `now`.

    One object per transaction: a lease is checked and extended once in it.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, holder: Holder, now: float, ttl_s: float
    ) -> None:
        self.connection = connection
        self._holder = holder
        self._now = now
        self._ttl_s = ttl_s
        #: lease -> number of its run, or why it may write no more.
        self._checked: dict[Lease, int | LockedError] = {}

    def number(self, lease: Lease) -> int:
        """Returns the run's number and extends the lease.

        Raises LockedError when the epoch is no longer the current one.
        """
        known = self._checked.get(lease)
        if known is None:
            known = self._checked[lease] = self._extend(lease)
        if isinstance(known, LockedError):
            raise known
        return known

    def create(self, new: NewRun) -> Lease:
        """Stores a run and takes its lease, epoch 1."""
        taken = self.connection.execute(
            "SELECT 1 FROM runs WHERE run = ?", (new.run,)
        ).fetchone()
        if taken:
            raise JournalError(
                f"the run {new.run} is in the journal already",
                kind="journal/duplicate-run", hint=f"fleetrun runs show {new.run}",
            )
        self.connection.execute(
            "INSERT INTO runs (run, title, state, created_at, invocation, file_hashes, cwd, epoch)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (new.run, new.title, RunState.RUNNING.value, self._now,
             encode_invocation(new.invocation), json.dumps(dict(new.file_hashes)), new.cwd),
        )
        return self._grant(new.run, epoch=1)

    def take(self, run: str) -> Lease:
        """Takes over a run that nobody alive holds; its epoch counts up."""
        row = self.connection.execute(
            "SELECT epoch, holder_pid, holder_host, holder_place, holder_start, lease_since,"
            " lease_until FROM runs WHERE run = ?",
            (run,),
        ).fetchone()
        if row is None:
            raise UsageError(
                f"there is no run `{run}`", kind="usage/unknown-run", hint="fleetrun runs list"
            )
        epoch, *held = row
        if is_held(held, self._now):
            raise held_by_other(run, held)
        self._checked.clear()
        return self._grant(run, epoch=epoch + 1)

    def finish(self, lease: Lease, state: RunState, exit_code: int) -> None:
        """Closes the run; gives back its lease and its device locks."""
        number = self.number(lease)
        self.connection.execute(
            "UPDATE runs SET state = ?, exit_code = ?, finished_at = ?, holder_pid = NULL,"
            " lease_until = 0 WHERE number = ?",
            (state.value, exit_code, self._now, number),
        )
        self.connection.execute("DELETE FROM device_locks WHERE run = ?", (number,))
        self._checked.pop(lease)

    def add_wish(self, run: str, wish: Wish) -> None:
        """Stores a wish for a run, whoever holds it."""
        row = self.connection.execute(
            "SELECT number FROM runs WHERE run = ?", (run,)
        ).fetchone()
        if row is None:
            raise UsageError(
                f"there is no run `{run}`", kind="usage/unknown-run", hint="fleetrun runs list"
            )
        self.connection.execute(
            "INSERT INTO wishes (run, at, by, kind, stage) VALUES (?, ?, ?, ?, ?)",
            (row[0], self._now, wish.by, wish.kind.value, wish.stage),
        )

    def take_wishes(self, lease: Lease) -> list[Wish]:
        """Returns the wishes for the run, and forgets them."""
        number = self.number(lease)
        rows = self.connection.execute(
            "SELECT by, kind, stage FROM wishes WHERE run = ? ORDER BY id", (number,)
        ).fetchall()
        if rows:
            self.connection.execute("DELETE FROM wishes WHERE run = ?", (number,))
        return [Wish(by=by, kind=WishKind(kind), stage=stage) for by, kind, stage in rows]

    def lock(self, lease: Lease, devices: Sequence[str]) -> dict[str, str]:
        """Locks devices; returns device -> holding run for those it could not."""
        number = self.number(lease)
        wanted = json.dumps(list(devices))
        self.connection.execute(
            "INSERT OR IGNORE INTO device_locks (device, run, since)"
            " SELECT value, ?, ? FROM json_each(?)",
            (number, self._now, wanted),
        )
        others = self.connection.execute(
            "SELECT device_locks.device, runs.number, runs.run, holder_pid, holder_host,"
            " holder_place, holder_start, lease_since, lease_until"
            " FROM json_each(?) JOIN device_locks ON device_locks.device = value"
            " JOIN runs ON runs.number = device_locks.run WHERE runs.number <> ?",
            (wanted, number),
        ).fetchall()
        busy: dict[str, str] = {}
        alive: dict[int, bool] = {}
        for device, other, run, *held in others:
            if other not in alive:
                alive[other] = is_held(held, self._now)
            if alive[other]:
                busy[device] = run
            else:
                self.connection.execute(
                    "UPDATE device_locks SET run = ?, since = ? WHERE device = ?",
                    (number, self._now, device),
                )
        return busy

    def unlock(self, lease: Lease, device: str) -> None:
        """Gives a device lock of this run back."""
        self.connection.execute(
            "DELETE FROM device_locks WHERE device = ? AND run = ?",
            (device, self.number(lease)),
        )

    def _extend(self, lease: Lease) -> int | LockedError:
        row = self.connection.execute(
            "UPDATE runs SET lease_until = ? WHERE run = ? AND epoch = ?"
            " AND holder_pid IS NOT NULL RETURNING number",
            (self._now + self._ttl_s, lease.run, lease.epoch),
        ).fetchone()
        if row is not None:
            return int(row[0])
        return self._lost(lease)

    def _grant(self, run: str, *, epoch: int) -> Lease:
        me = self._holder
        self.connection.execute(
            "UPDATE runs SET state = ?, finished_at = NULL, exit_code = NULL, epoch = ?,"
            " holder_pid = ?, holder_host = ?, holder_place = ?, holder_start = ?,"
            " lease_since = ?, lease_until = ? WHERE run = ?",
            (RunState.RUNNING.value, epoch, me.pid, me.host, me.place, me.start,
             self._now, self._now + self._ttl_s, run),
        )
        return Lease(run=run, epoch=epoch, owner=me.label)

    def _lost(self, lease: Lease) -> LockedError:
        row = self.connection.execute(
            "SELECT holder_pid, holder_host, holder_place, holder_start, lease_since,"
            " lease_until FROM runs WHERE run = ?",
            (lease.run,),
        ).fetchone()
        if row is not None and row[0] is not None:
            return held_by_other(lease.run, row)
        return LockedError(
            f"the run {lease.run} was closed; it takes no more writes",
            kind="lease/closed", hint=f"fleetrun runs show {lease.run}",
        )


def is_held(held: Sequence[object], now: float) -> bool:
    """True when the lease in these columns still counts at the time `now`.

    A holder in our own place is looked up by its PID and loses the lease at
    once when it is gone; any other one when its time is over.
    """
    pid, host, place, start, _since, until = held
    if pid is None or float(str(until)) <= now:
        return False
    holder = Holder(pid=int(str(pid)), host=str(host), place=str(place), start=str(start))
    return not holder.is_surely_dead()


def held_by_other(run: str, held: Sequence[object]) -> LockedError:
    """Returns the error that names who holds a run, and since when."""
    pid, host, _place, _start, since, _until = held
    when = datetime.fromtimestamp(float(str(since)), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return LockedError(
        f"the run {run} is held by process {pid} on {host} since {when}",
        kind="lease/held",
        hint=f"wait for it or stop it, then: fleetrun resume {run}",
    )
