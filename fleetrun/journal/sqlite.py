"""The journal on SQLite: `contracts.Journal` over one file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from fleetrun.contracts import Lease
from fleetrun.errors import JournalError
from fleetrun.journal import reader
from fleetrun.journal.batch import Barrier, Call, LockWish
from fleetrun.journal.leases import EVENT_BITS, LeaseBook, NewRun
from fleetrun.journal.paths import journal_path
from fleetrun.journal.writer import WriterThread
from fleetrun.model.events import AnyEvent
from fleetrun.model.run import Invocation, RunRecord, RunState, Wish

#: A lease lives this long without a write or `renew_lease`.
LEASE_TTL_S: Final = 10.0

#: Events without a barrier are written after at most this long.
FLUSH_S: Final = 0.05

T = TypeVar("T")


class SqliteJournal:
    """Runs, events, leases and device locks in one SQLite file.

    Nothing is opened before the first call that needs it. Methods may be
    cancelled: a write that was queued is then still done. Use it as
    ``async with SqliteJournal() as journal``.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        lease_ttl_s: float = LEASE_TTL_S,
        flush_s: float = FLUSH_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = journal_path() if path is None else path
        self.lease_ttl_s = lease_ttl_s
        self._now = now
        self._writer = WriterThread(
            self.path, lease_ttl_s=lease_ttl_s, flush_s=flush_s, now=now
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def check(self) -> None:
        """Proves that the journal can be written: opens it and does an fsync.

        For the preflight, before any device is touched. Raises JournalError.
        """
        await self._call(_touch)

    async def create_run(
        self, run: str, title: str, invocation: Invocation, file_hashes: Mapping[str, str]
    ) -> Lease:
        """Stores a new run and takes its lease; durable on return."""
        cwd = str(await asyncio.to_thread(Path.cwd))
        new = NewRun(
            run=run, title=title, invocation=invocation, file_hashes=file_hashes, cwd=cwd
        )
        return await self._call(lambda book: book.create(new))

    async def take_lease(self, run: str) -> Lease:
        """Takes over a run whose engine is gone; epoch + 1."""
        return await self._call(lambda book: book.take(run))

    async def renew_lease(self, lease: Lease) -> None:
        """Keeps the lease alive; raises LockedError when it was taken over."""
        await self._call(lambda book: book.number(lease), is_durable=False)

    def append(self, lease: Lease, event: AnyEvent) -> None:
        """Queues an event, in order; written some milliseconds later.

        Raises the error of an earlier write that failed.
        """
        self._writer.append(lease, event)

    async def commit(self, lease: Lease) -> None:
        """Returns when every event appended so far is durable (a barrier)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer.submit(Barrier(lease=lease, future=future))
        await future

    async def finish_run(self, lease: Lease, state: RunState, exit_code: int) -> None:
        """Closes the run and gives its lease and device locks back."""
        await self._call(lambda book: book.finish(lease, state, exit_code))

    async def lock_device(self, lease: Lease, device: str) -> str:
        """Locks a device for the run; returns "" or the holder's run id.

        Calls that wait together are one statement.
        """
        return (await self.lock_devices(lease, (device,))).get(device, "")

    async def lock_devices(self, lease: Lease, devices: Sequence[str]) -> Mapping[str, str]:
        """Locks many devices; returns device -> holder's run id for busy ones.

        The lock of a run whose lease is dead is taken over.
        """
        future: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._writer.submit(LockWish(lease=lease, devices=devices, future=future))
        return await future

    async def unlock_device(self, lease: Lease, device: str) -> None:
        """Gives a device lock back; one that is not ours stays."""
        await self._call(lambda book: book.unlock(lease, device), is_durable=False)

    async def add_wish(self, run: str, wish: Wish) -> None:
        """Stores what an operator wants of a run, durable on return; needs no lease."""
        await self._call(lambda book: book.add_wish(run, wish))

    async def take_wishes(self, lease: Lease) -> Sequence[Wish]:
        """Returns the wishes for a run in the order they came, each once."""
        return await self._call(lambda book: book.take_wishes(lease), is_durable=False)

    async def events(self, run: str) -> AsyncIterator[AnyEvent]:
        """All events of a run at the time of the call, in order, in chunks.

        Raises UsageError when there is no run with exactly this id.
        """
        await self._flush()
        number = await asyncio.to_thread(reader.find_number, self.path, run)
        last = await asyncio.to_thread(reader.last_event_id, self.path, number)
        after = number << EVENT_BITS
        while after < last:
            chunk, after = await asyncio.to_thread(reader.read_events, self.path, after, last)
            for event in chunk:
                yield event

    async def runs(self, *, limit: int = 50) -> Sequence[RunRecord]:
        """Latest runs first; a run that nobody drives any more is interrupted."""
        await self._flush()
        return await asyncio.to_thread(
            reader.read_runs, self.path, limit=limit, now=self._now()
        )

    async def find_run(self, run: str) -> RunRecord:
        """A run by id, unique id prefix, "last" or "last~N"; raises UsageError."""
        await self._flush()
        return await asyncio.to_thread(reader.read_run, self.path, run, now=self._now())

    async def integrity(self) -> str:
        """Returns what is damaged in the file, or "" when it is sound."""
        await self._flush()
        return await asyncio.to_thread(reader.find_damage, self.path)

    async def close(self) -> None:
        """Writes what waits and closes the file; safe to call twice."""
        await self._writer.stop()

    async def _call(self, work: Callable[[LeaseBook], T], *, is_durable: bool = True) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(Call(work=work, future=future, is_durable=is_durable))
        return await future

    async def _flush(self) -> None:
        """What this journal appended is readable; a broken one still reads."""
        if self._writer.is_running:
            with suppress(JournalError):
                await self._call(lambda _book: None, is_durable=False)


def _touch(book: LeaseBook) -> None:
    """Writes a page, so that a full or read-only disk shows itself."""
    (version,) = book.connection.execute("PRAGMA user_version").fetchone()
    book.connection.execute(f"PRAGMA user_version={int(version)}")
