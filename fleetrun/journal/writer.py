"""The one thread that owns the writing connection.

The event loop only puts items on a queue and waits on futures; encoding, SQL
and fsync happen here. The thread takes whatever has gathered and writes it as
one transaction: barriers that wait together share one fsync (group commit).
Without a barrier a batch is written after at most `flush_s`, without an fsync.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from fleetrun import failpoints
from fleetrun.contracts import Lease
from fleetrun.errors import FleetrunError, JournalError
from fleetrun.journal.batch import Answer, BatchWriter, Item, is_durable
from fleetrun.journal.database import journal_error, open_writer
from fleetrun.journal.holder import Holder
from fleetrun.journal.leases import LeaseBook
from fleetrun.model.events import AnyEvent

#: Items of one transaction at most; more wait for the next one.
BATCH_LIMIT: Final = 16_384

#: Items that may wait at most; past it the disk does not keep up with the run.
PENDING_LIMIT: Final = 500_000

#: Waiters woken in one turn of the event loop. A thousand at once would keep it
#: from everything else for 50 ms. Source: tests/bench/bench_journal.py.
WAKE_LIMIT: Final = 100


class WriterThread:
    """Queue, thread and connection of one journal file.

    The first failed write is final: all that waits or comes later gets that
    error, because nobody could say any more what is on disk.
    """

    def __init__(
        self, path: Path, *, lease_ttl_s: float, flush_s: float, now: Callable[[], float]
    ) -> None:
        self._path = path
        self._lease_ttl_s = lease_ttl_s
        self._flush_s = flush_s
        self._now = now
        self._holder = Holder.current()
        self._items: deque[Item] = deque()
        #: What the thread is writing now; answered even if the thread dies.
        self._batch: Sequence[Item] = ()
        self._has_items = threading.Event()
        self._has_hurry = threading.Event()
        self._is_stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: BatchWriter | None = None
        self._is_synchronous_full: bool | None = None
        #: Why nothing is written any more.
        self._failure: JournalError | None = None
        self._is_failure_told = False

    @property
    def is_running(self) -> bool:
        """True when the thread was started and its writes still count."""
        return self._thread is not None and self._failure is None

    def append(self, lease: Lease, event: AnyEvent) -> None:
        """Queues an event; raises what made an earlier write fail."""
        if self._failure is not None:
            self._is_failure_told = True
            raise _again(self._failure)
        if self._writer is not None and lease in self._writer.refused:
            raise _again(self._writer.refused[lease])
        if len(self._items) >= PENDING_LIMIT:
            self._failure = JournalError(
                f"the disk under {self._path} does not keep up: {PENDING_LIMIT} events wait",
                kind="journal/overflow",
                hint="set FLEETRUN_STATE to a folder on a faster disk",
            )
            raise _again(self._failure)
        self._items.append((lease, event))
        if not self._has_items.is_set():
            self._start()
            self._has_items.set()

    def submit(self, item: Item) -> None:
        """Queues an item that somebody waits for: it is written at once."""
        self._items.append(item)
        self._start()
        self._has_items.set()
        self._has_hurry.set()

    async def stop(self) -> None:
        """Writes what waits, closes the file; raises if that lost events.

        An error that somebody was told of already is not raised again.
        """
        if self._thread is None:
            return
        self._is_stopping = True
        self._has_items.set()
        self._has_hurry.set()
        await asyncio.to_thread(self._thread.join)
        self._thread = None
        if self._failure is not None and not self._is_failure_told:
            self._is_failure_told = True
            raise _again(self._failure)

    def _start(self) -> None:
        if self._thread is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._is_stopping = False
        self._thread = threading.Thread(
            target=self._main, name="fleetrun-journal", daemon=True
        )
        self._thread.start()

    def _main(self) -> None:
        """The thread: opens, serves, closes; leaves nobody waiting."""
        try:
            connection = open_writer(self._path)
        except JournalError as error:
            self._failure = error
            self._serve(None)
            return
        try:
            self._writer = BatchWriter(connection)
            self._is_synchronous_full = None
            self._serve(connection)
        finally:
            # Only a bug gets here with items left; they must not wait forever.
            if self._failure is None and (self._batch or self._items):
                self._failure = JournalError(
                    "the journal's thread ended", kind="journal/bug",
                    hint="report this; the run can be resumed",
                )
            self._refuse([*self._batch, *self._items])
            self._writer = None
            with suppress(sqlite3.Error):
                connection.close()

    def _serve(self, connection: sqlite3.Connection | None) -> None:
        while True:
            self._has_items.wait()
            self._has_hurry.wait(self._flush_s)
            self._has_items.clear()
            self._has_hurry.clear()
            is_last = self._is_stopping
            while self._items:
                self._batch = self._take()
                self._write(connection, self._batch, is_last=is_last)
                self._batch = ()
            if is_last:
                return

    def _take(self) -> list[Item]:
        count = min(len(self._items), BATCH_LIMIT)
        return [self._items.popleft() for _ in range(count)]

    def _write(
        self, connection: sqlite3.Connection | None, batch: Sequence[Item], *, is_last: bool
    ) -> None:
        if connection is None or self._failure is not None:
            self._refuse(batch)
            return
        try:
            answers = self._commit(connection, batch, is_sync=is_last or is_durable(batch))
        except (sqlite3.Error, JournalError) as error:
            self._failure = (
                error if isinstance(error, JournalError) else journal_error(error, self._path)
            )
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._refuse(batch)
        else:
            self._send(answers)

    def _commit(
        self, connection: sqlite3.Connection, batch: Sequence[Item], *, is_sync: bool
    ) -> list[Answer]:
        if is_sync is not self._is_synchronous_full:
            connection.execute(f"PRAGMA synchronous={'FULL' if is_sync else 'NORMAL'}")
            self._is_synchronous_full = is_sync
        if self._writer is None:
            return []
        connection.execute("BEGIN IMMEDIATE")
        book = LeaseBook(
            connection, holder=self._holder, now=self._now(), ttl_s=self._lease_ttl_s
        )
        answers = self._writer.write(batch, book)
        if is_sync:
            failpoints.passing("journal.before_commit")
        # Also makes earlier batches durable that were written without an fsync:
        # they are in the same WAL file, or a checkpoint has synced them.
        connection.execute("COMMIT")
        if is_sync:
            failpoints.passing("journal.after_commit")
        return answers

    def _refuse(self, batch: Sequence[Item]) -> None:
        if self._failure is None:
            return
        waiting = [item.future for item in batch if not isinstance(item, tuple)]
        if waiting:
            self._is_failure_told = True
        self._send([(future, None, self._failure) for future in waiting])

    def _send(self, answers: list[Answer]) -> None:
        if answers and self._loop is not None:
            # The loop is closed when a program ends without `close`.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_resolve, answers)


def _resolve(answers: Sequence[Answer]) -> None:
    """In the event loop: wakes those who wait (and were not cancelled)."""
    if len(answers) > WAKE_LIMIT:
        asyncio.get_running_loop().call_soon(_resolve, answers[WAKE_LIMIT:])
    for future, value, error in answers[:WAKE_LIMIT]:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(_again(error))


def _again(error: FleetrunError) -> FleetrunError:
    """A fresh copy: one exception object must not be raised in many tasks."""
    return type(error)(error.message, kind=error.kind, hint=error.hint)
