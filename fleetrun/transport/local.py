"""Runs programs on this machine, as ``connection: local`` asks for."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import socket
import termios
from collections.abc import Mapping, Sequence
from typing import Final

from typing_extensions import override

from fleetrun.contracts import ByteStream, Connection, Target, Transport
from fleetrun.errors import ConnectError, LinkLostError

__all__ = ["LocalConnection", "LocalStream", "LocalTransport"]

_CHUNK_BYTES: Final = 64 * 1024
#: How long a program may take to end once its stdin is closed, seconds.
_GRACE_S: Final = 1.0


class LocalStream(ByteStream):
    """A program of this machine; its stdin and stdout are one socket or terminal.

    Not pipes: closing our end of a socket is what a lost link is like for the
    program (end of file on stdin, a signal when it prints), without killing it.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, end: socket.socket | int
    ) -> None:
        self.exit_status: int | None = None
        self.exit_signal = ""
        self._process = process
        self._fd = end if isinstance(end, int) else end.detach()
        os.set_blocking(self._fd, False)
        self._is_terminal = isinstance(end, int)
        self._is_open = True
        self._is_lost = False
        self._waiters: set[asyncio.Future[None]] = set()

    @override
    async def read(self) -> bytes:
        # A program that always has more must not keep the loop from its other work.
        await asyncio.sleep(0)
        while self._is_open:
            try:
                content = os.read(self._fd, _CHUNK_BYTES)
            except BlockingIOError:
                await self._ready(reading=True)
            except OSError:  # EIO is how a terminal says that nobody is left
                break
            else:
                if content:
                    return content
                break
        if self._is_lost or not self._is_open:
            raise LinkLostError("the local channel was closed", kind="lost/closed")
        await self._reap()
        return b""

    @override
    async def read_stderr(self) -> bytes:
        if self._process.stderr is None:
            return b""
        return await self._process.stderr.read(_CHUNK_BYTES)

    @override
    async def write(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            if not self._is_open:
                raise LinkLostError("the local channel was closed", kind="lost/closed")
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                await self._ready(reading=False)
            except OSError as error:
                raise LinkLostError(
                    f"the local program is gone: {error.strerror}", kind="lost/closed"
                ) from error

    @override
    async def write_eof(self) -> None:
        if not self._is_open or self._is_terminal:
            return
        with socket.socket(fileno=os.dup(self._fd)) as end, contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_WR)

    @override
    async def close(self) -> None:
        self._hang_up()
        if self._process.returncode is None:
            try:
                async with asyncio.timeout(_GRACE_S):
                    await self._process.wait()
            except TimeoutError:
                # Its own session (start_new_session): detached steps are not in it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        await self._reap()

    def sever(self) -> None:
        """Cuts the link and leaves the program alone, as a dead network would."""
        self._is_lost = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._is_open:
            self._is_open = False
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._fd)
            loop.remove_writer(self._fd)
            os.close(self._fd)
            self._wake()

    async def _reap(self) -> None:
        status = await self._process.wait()
        if status < 0:
            with contextlib.suppress(ValueError):
                self.exit_signal = signal.Signals(-status).name.removeprefix("SIG")
        self.exit_status = status if status >= 0 else None

    async def _ready(self, *, reading: bool) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        add, remove = (
            (loop.add_reader, loop.remove_reader) if reading
            else (loop.add_writer, loop.remove_writer)
        )
        add(self._fd, _resolve, waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
            if self._is_open:
                remove(self._fd)

    def _wake(self) -> None:
        for waiter in self._waiters:
            _resolve(waiter)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class LocalConnection(Connection):
    """Starts programs of this machine under a given shell."""

    def __init__(self, shell: Sequence[str], environment: Mapping[str, str] | None) -> None:
        self._shell = tuple(shell)
        self._environment = None if environment is None else dict(environment)
        self._streams: list[LocalStream] = []

    @override
    async def open(self, command: str, *, pty: bool = False) -> LocalStream:
        mine, theirs = _terminal() if pty else _socket_pair()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._shell, "-c", command, stdin=_number(theirs), stdout=_number(theirs),
                stderr=_number(theirs) if pty else asyncio.subprocess.PIPE,
                env=self._environment, start_new_session=True,
                preexec_fn=_own_terminal if pty else None,
            )
        except OSError as error:
            _close(mine)
            raise ConnectError(
                f"cannot start {self._shell[0]}: {error.strerror}", kind="connect/resources",
                hint="connection: local needs a POSIX sh on this machine",
            ) from error
        finally:
            _close(theirs)
        stream = LocalStream(process, mine)
        self._streams.append(stream)
        return stream

    @override
    async def close(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            await stream.close()


class LocalTransport(Transport):
    """Connections to this machine; a target's address does not matter."""

    def __init__(
        self, shell: Sequence[str] = ("/bin/sh",), environment: Mapping[str, str] | None = None
    ) -> None:
        """Uses `shell` as the login user's shell; `environment` None = our own."""
        self._shell = tuple(shell)
        self._environment = environment

    @override
    async def connect(self, target: Target) -> LocalConnection:
        del target
        return LocalConnection(self._shell, self._environment)

    @override
    async def close(self) -> None:
        """Nothing is shared."""


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def _terminal() -> tuple[int, int]:
    return pty.openpty()


def _own_terminal() -> None:
    """Runs in the child: makes its stdin the terminal that programs ask for passwords."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _number(end: socket.socket | int) -> int:
    return end if isinstance(end, int) else end.fileno()


def _close(end: socket.socket | int) -> None:
    if isinstance(end, int):
        os.close(end)
    else:
        end.close()
