"""What waits to be written, and writing it inside one transaction."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from fleetrun.contracts import Lease
from fleetrun.errors import FleetrunError, LockedError
from fleetrun.journal.codec import encode_event
from fleetrun.journal.leases import EVENT_BITS, LeaseBook
from fleetrun.model.events import AnyEvent, RunFinished


@dataclass(slots=True, kw_only=True)
class Barrier:
    """Wants everything before it on disk."""

    lease: Lease
    future: asyncio.Future[Any]


@dataclass(slots=True, kw_only=True)
class LockWish:
    """Wants devices locked; answered with those that others hold."""

    lease: Lease
    devices: Sequence[str]
    future: asyncio.Future[Any]


@dataclass(slots=True, kw_only=True)
class Call:
    """Wants a function run inside the transaction, in its turn."""

    work: Callable[[LeaseBook], object]
    future: asyncio.Future[Any]
    is_durable: bool


Item: TypeAlias = "tuple[Lease, AnyEvent] | Barrier | LockWish | Call"

#: A future and what it is answered with once the transaction is committed.
Answer: TypeAlias = "tuple[asyncio.Future[Any], object, FleetrunError | None]"

#: Rows per INSERT. Many at once, because sqlite3 gives up the interpreter lock
#: for each statement and then waits up to 5 ms for a busy event loop to get it
#: back. Source: measured; sys.getswitchinterval().
_ROW_COUNTS: Final = (512, 64, 8, 1)
_INSERTS: Final = {
    count: "INSERT INTO events (id, body) VALUES (?,?)" + ",(?,?)" * (count - 1)
    for count in _ROW_COUNTS
}


def is_durable(items: Iterable[Item]) -> bool:
    """True when somebody waits for these to be on disk."""
    return any(
        isinstance(item, Barrier) or (isinstance(item, Call) and item.is_durable)
        for item in items
    )


class BatchWriter:
    """Writes batches; remembers where each lease's events end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._next_ids: dict[Lease, int] = {}
        #: Leases whose events were refused, and why.
        self.refused: dict[Lease, LockedError] = {}

    def write(self, items: Sequence[Item], book: LeaseBook) -> list[Answer]:
        """Writes all items in order; returns what to answer after the commit.

        Events and locks gather until a call needs them written. Raises
        sqlite3.Error or JournalError: then nothing of the batch counts.
        """
        events: dict[Lease, list[AnyEvent]] = {}
        waiting: list[Barrier | LockWish] = []
        answers: list[Answer] = []
        for item in items:
            if isinstance(item, tuple):
                events.setdefault(item[0], []).append(item[1])
            elif isinstance(item, Call):
                answers += self._flush(events, waiting, book)
                answers.append(_answer_call(item, book))
            else:
                waiting.append(item)
        return answers + self._flush(events, waiting, book)

    def _flush(
        self,
        events: dict[Lease, list[AnyEvent]],
        waiting: list[Barrier | LockWish],
        book: LeaseBook,
    ) -> list[Answer]:
        for lease, gathered in events.items():
            try:
                self._insert(lease, gathered, book)
            except LockedError as error:
                self.refused[lease] = error
        answers = self._lock([item for item in waiting if isinstance(item, LockWish)], book)
        for barrier in (item for item in waiting if isinstance(item, Barrier)):
            try:
                book.number(barrier.lease)
            except LockedError as error:
                answers.append((barrier.future, None, error))
            else:
                answers.append((barrier.future, None, None))
        events.clear()
        waiting.clear()
        return answers

    def _insert(self, lease: Lease, events: Sequence[AnyEvent], book: LeaseBook) -> None:
        number = book.number(lease)
        first_id = self._next_ids.get(lease) or self._first_free_id(number)
        bodies = [encode_event(event) for event in events]
        start = 0
        while start < len(bodies):
            count = next(size for size in _ROW_COUNTS if size <= len(bodies) - start)
            row_values: list[object] = []
            for offset in range(start, start + count):
                row_values += (first_id + offset, bodies[offset])
            self._connection.execute(_INSERTS[count], row_values)
            start += count
        self._next_ids[lease] = first_id + len(bodies)
        for event in events:
            if type(event) is RunFinished:
                self._store_counts(number, event)

    def _first_free_id(self, number: int) -> int:
        (last,) = self._connection.execute(
            "SELECT max(id) FROM events WHERE id BETWEEN ? AND ?",
            (number << EVENT_BITS, ((number + 1) << EVENT_BITS) - 1),
        ).fetchone()
        return (number << EVENT_BITS) + 1 if last is None else int(last) + 1

    def _store_counts(self, number: int, event: RunFinished) -> None:
        counts = Counter(outcome.value for outcome in event.outcomes.values())
        self._connection.execute(
            "UPDATE runs SET counts = ? WHERE number = ?", (json.dumps(counts), number)
        )

    def _lock(self, wishes: Sequence[LockWish], book: LeaseBook) -> list[Answer]:
        by_lease: dict[Lease, list[str]] = {}
        for wish in wishes:
            by_lease.setdefault(wish.lease, []).extend(wish.devices)
        busy: dict[Lease, dict[str, str]] = {}
        errors: dict[Lease, LockedError] = {}
        for lease, devices in by_lease.items():
            try:
                busy[lease] = book.lock(lease, devices)
            except LockedError as error:
                errors[lease] = error
        return [
            (wish.future, _of_wish(wish, busy.get(wish.lease, {})), errors.get(wish.lease))
            for wish in wishes
        ]


def _of_wish(wish: LockWish, busy: dict[str, str]) -> dict[str, str]:
    return {device: busy[device] for device in wish.devices if device in busy}


def _answer_call(call: Call, book: LeaseBook) -> Answer:
    """Runs a call; it checks before it writes, so a refusal wrote nothing."""
    try:
        return call.future, call.work(book), None
    except FleetrunError as error:
        return call.future, None, error
