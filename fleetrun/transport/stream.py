"""The ByteStream of one program on a device, straight on asyncssh's callbacks.

Not asyncssh's stream classes: those keep a list entry per packet and cost
about twice the CPU and memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
from typing_extensions import override

from fleetrun.errors import LinkLostError
from fleetrun.transport.attempt import Attempt
from fleetrun.transport.errors import dropped_error, login_error, lost_error

#: Unread bytes at which the sender is paused, and at which it goes on.
HIGH_WATER_BYTES = 256 * 1024
LOW_WATER_BYTES = 64 * 1024
#: Receive window: what a device may still send when it is paused. It also caps
#: the rate to window / round trip (1.7 MB/s at 300 ms).
WINDOW_BYTES = 512 * 1024
#: asyncssh copies what it is given, so large contents go in slices.
SLICE_BYTES = 64 * 1024

_STDERR = asyncssh.EXTENDED_DATA_STDERR


class _Pipe:
    """Bytes of one direction that nobody read yet, and who waits for them."""

    __slots__ = ("content", "waiters")

    def __init__(self) -> None:
        self.content = bytearray()
        self.waiters: tuple[asyncio.Future[None], ...] = ()

    def wake(self) -> None:
        waiters, self.waiters = self.waiters, ()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiters = (*self.waiters, waiter)
        await waiter


class SshStream(asyncssh.SSHClientSession[bytes]):
    """Both directions of one program on a device; see `contracts.ByteStream`.

    `read` gives b"" once the channel is closed, so `exit_status` is final then.
    Read stdout and stderr side by side when both may be large: they share one
    window, as two pipes of one program would.
    """

    def __init__(self, attempt: Attempt, *, starts_with_channel: bool) -> None:
        self.exit_status: int | None = None
        self.exit_signal = ""
        #: True when the device closed the channel before it took the command.
        self.is_dropped = False
        #: Done once `write` and `read` may be used.
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attempt = attempt
        self._starts_with_channel = starts_with_channel
        self._chan: asyncssh.SSHClientChannel[bytes] | None = None
        self._opening: asyncio.Task[Any] | None = None
        self._stdout = _Pipe()
        self._stderr = _Pipe()
        self._send_gate = _Pipe()
        self._is_send_paused = False
        self._is_paused = False
        self._is_resuming = False
        self._is_ended = False
        self._is_closed = False
        self._failure: Exception | None = None

    # ---- called by the connection --------------------------------------

    @property
    def failure(self) -> Exception | None:
        """Why the stream ended, None while it lives and after a clean end."""
        return self._failure

    def attach(self, opening: asyncio.Task[Any]) -> None:
        """Gives the stream the task that waits for the server's yes."""
        self._opening = opening
        opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Task[Any]) -> None:
        self._opening = None
        if opening.cancelled():
            return
        exc = opening.exception()
        if self._is_closed or self._attempt.is_closed:
            return
        if exc is None:
            if not self.started.done():
                self.started.set_result(None)
        else:
            self._end(login_error(exc, self._attempt))

    # ---- asyncssh's callbacks ------------------------------------------

    @override
    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Keeps the channel; the command is on its way when this returns.

        asyncssh sends the exec request right after this call, without a pause,
        so we may write at once: the server handles both in order. That saves
        the round trip for its answer, which `_opened` still looks at. With a
        pty asyncssh waits for another answer in between, so then we wait too.
        """
        self._chan = chan
        if self._starts_with_channel and not self.started.done():
            self.started.set_result(None)

    @override
    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Stores bytes; pauses the sender when too many are unread."""
        pipe = self._stderr if datatype == _STDERR else self._stdout
        pipe.content += data
        pipe.wake()
        if self._is_resuming or self._chan is None:
            return
        if self._unread_bytes() > HIGH_WATER_BYTES:
            self._is_paused = True
            self._chan.pause_reading()

    @override
    def eof_received(self) -> bool:
        """Keeps our own direction open until the program ends."""
        return True

    @override
    def exit_status_received(self, status: int) -> None:
        """Stores the exit status."""
        self.exit_status = status

    @override
    def exit_signal_received(
        self, signal: str, core_dumped: bool, msg: str, lang: str
    ) -> None:
        """Stores the signal's name, without what cannot be one."""
        self.exit_signal = "".join(c for c in signal if c.isascii() and c.isalnum())[:16]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the stream: cleanly when only the channel was closed."""
        is_ours = self._is_closed or self._attempt.is_closed
        is_lost = (exc is not None or self._attempt.is_disconnected) and not is_ours
        self._resume()  # else asyncssh drops what it held back
        if is_lost:
            self._end(lost_error(exc, self._attempt))
        elif is_ours or self._is_running():
            self._end(None)
        else:
            self.is_dropped = True
            self._end(dropped_error(self._attempt))

    @override
    def pause_writing(self) -> None:
        """Makes writers wait."""
        self._is_send_paused = True

    @override
    def resume_writing(self) -> None:
        """Lets writers go on."""
        self._is_send_paused = False
        self._send_gate.wake()

    # ---- ByteStream ----------------------------------------------------

    async def read(self) -> bytes:
        """Returns the next bytes of stdout, b"" at its end.

        Raises LinkLostError when the link went away, and ConnectError when the
        server, asked late, refused to start the command at all.
        """
        return await self._read(self._stdout)

    async def read_stderr(self) -> bytes:
        """Returns the next bytes of stderr, b"" at its end."""
        return await self._read(self._stderr)

    async def write(self, content: bytes) -> None:
        """Sends `content`; returns when the send buffer has room again.

        Raises LinkLostError when the link or the program is gone.
        """
        for start in range(0, len(content), SLICE_BYTES):
            await self._wait_for_room()
            if self._chan is None:
                raise self._gone()
            try:
                self._chan.write(content[start : start + SLICE_BYTES])
            except OSError as exc:
                raise self._gone() from exc
        await self._wait_for_room()

    async def write_eof(self) -> None:
        """Ends the program's stdin; nothing happens when it ended already."""
        if self._chan is not None:
            self._chan.write_eof()

    async def close(self) -> None:
        """Closes the channel; safe to call twice, never raises."""
        self._is_closed = True
        chan, opening = self._chan, self._opening
        if opening is not None:
            opening.cancel()
        if chan is not None:
            chan.abort()
        self._end(None)

    # ---- inside --------------------------------------------------------

    async def _read(self, pipe: _Pipe) -> bytes:
        while not pipe.content:
            if self._is_ended:
                if self._failure is not None:
                    raise self._failure
                return b""
            await pipe.wait()
        content = bytes(pipe.content)
        pipe.content = bytearray()
        if self._unread_bytes() <= LOW_WATER_BYTES:
            self._resume()
        return content

    def _resume(self) -> None:
        """Takes all that asyncssh held back, then lets the sender go on.

        All of it, without a pause in between: asyncssh opens the whole window
        with the first piece it hands over, so taking pieces would let what it
        holds back grow without end.
        """
        if not self._is_paused or self._chan is None:
            return
        self._is_paused = False
        self._is_resuming = True
        self._chan.resume_reading()
        self._is_resuming = False

    def _unread_bytes(self) -> int:
        return len(self._stdout.content) + len(self._stderr.content)

    async def _wait_for_room(self) -> None:
        while self._is_send_paused and not self._is_ended:
            await self._send_gate.wait()
        if self._is_ended:
            raise self._gone()

    def _gone(self) -> Exception:
        return self._failure or LinkLostError(
            f"the program on {self._attempt.place} has ended and takes no more input",
            kind="lost/closed",
        )

    def _is_running(self) -> bool:
        """True once the device said yes to the command."""
        opening = self._opening
        return opening is None or (opening.done() and opening.exception() is None)

    def _end(self, failure: Exception | None) -> None:
        self._failure = self._failure or failure
        self._is_ended = True
        self._chan = None
        for pipe in (self._stdout, self._stderr, self._send_gate):
            pipe.wake()
        if not self.started.done():
            self.started.set_result(None)
