"""What a process that runs devices is wired from: journal, transports, clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fleetrun.contracts import Transport
from fleetrun.engine.clock import SystemClock
from fleetrun.engine.controller import RunController
from fleetrun.journal.sqlite import SqliteJournal
from fleetrun.transport.local import LocalTransport
from fleetrun.transport.ssh import SshTransport

__all__ = ["RunController", "SystemClock", "open_journal", "transports"]


@asynccontextmanager
async def open_journal() -> AsyncIterator[SqliteJournal]:
    """Opens the journal of the state folder, closes it afterwards."""
    async with SqliteJournal() as journal:
        yield journal


def transports(
    clock: SystemClock, *, ask_passphrase: Callable[[str], Awaitable[str | None]] | None
) -> dict[str, Transport]:
    """Returns the transports by ansible_connection."""
    return {"ssh": SshTransport(clock, ask_passphrase=ask_passphrase), "local": LocalTransport()}
