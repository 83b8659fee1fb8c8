"""One connection to a device that many delegate to, lent to each in turn.

sshd allows ten channels on a connection (MaxSessions). A borrower uses at most
two at once, a shell and a file, so there are never more than five borrowers.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

from fleetrun.contracts import ByteStream, Connection, Target, Transport
from fleetrun.errors import ConnectError, LinkLostError

#: Source: sshd_config(5), MaxSessions: 10 by default.
MAX_BORROWERS: Final = 5
#: Seconds that a connection gets to close.
CLOSE_TIMEOUT_S: Final = 5.0


@dataclass(slots=True)
class _Shelf:
    """The connection to one target, None when there is none that works."""

    connection: Connection | None = None
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_BORROWERS))
    connecting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self, connection: Connection) -> None:
        """Lends this one to nobody any more: its link is lost."""
        if self.connection is connection:
            self.connection = None


class SharedTransport:
    """contracts.Transport whose connections to one target are one connection."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._shelves: dict[Target, _Shelf] = {}

    async def connect(self, target: Target) -> Connection:
        """Lends the connection; waits while too many have it. Raises ConnectError."""
        shelf = self._shelves.setdefault(target, _Shelf())
        await shelf.places.acquire()
        try:
            async with shelf.connecting:
                if shelf.connection is None:
                    shelf.connection = await self._transport.connect(target)
                return _Lent(shelf, shelf.connection)
        except BaseException:
            shelf.places.release()
            raise

    async def close(self) -> None:
        """Closes every connection."""
        shelves, self._shelves = list(self._shelves.values()), {}
        for shelf in shelves:
            connection, shelf.connection = shelf.connection, None
            if connection is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSE_TIMEOUT_S):
                        await connection.close()


class _Lent:
    """The connection as one borrower has it."""

    def __init__(self, shelf: _Shelf, connection: Connection) -> None:
        self._shelf = shelf
        self._connection = connection
        self._is_closed = False

    async def open(self, command: str, *, pty: bool = False) -> ByteStream:
        try:
            stream = await self._connection.open(command, pty=pty)
        except (ConnectError, LinkLostError):
            self._shelf.forget(self._connection)
            raise
        return _Watched(stream, self._shelf, self._connection)

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._shelf.places.release()


class _Watched:
    """A stream that says when the link under it is lost."""

    def __init__(self, stream: ByteStream, shelf: _Shelf, connection: Connection) -> None:
        self._stream = stream
        self._shelf = shelf
        self._connection = connection

    @property
    def exit_status(self) -> int | None:
        return self._stream.exit_status

    @exit_status.setter
    def exit_status(self, status: int | None) -> None:
        self._stream.exit_status = status

    @property
    def exit_signal(self) -> str:
        return self._stream.exit_signal

    @exit_signal.setter
    def exit_signal(self, signal: str) -> None:
        self._stream.exit_signal = signal

    async def read(self) -> bytes:
        try:
            return await self._stream.read()
        except LinkLostError:
            self._shelf.forget(self._connection)
            raise

    async def read_stderr(self) -> bytes:
        return await self._stream.read_stderr()

    async def write(self, content: bytes) -> None:
        try:
            await self._stream.write(content)
        except LinkLostError:
            self._shelf.forget(self._connection)
            raise

    async def write_eof(self) -> None:
        await self._stream.write_eof()

    async def close(self) -> None:
        await self._stream.close()
