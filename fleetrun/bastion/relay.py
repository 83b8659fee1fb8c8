"""The bytes between an operator's channel and a device's.

The inner SSH session is end to end: what passes here is ciphertext.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

import asyncssh
from typing_extensions import override

from fleetrun.bastion.registry import Forward, Tunnel


class Relay(asyncssh.SSHTCPSession[bytes]):
    """One end of a pair; says once when it is closed.

    The device's server greets as soon as its channel is open, which is before
    the operator's is: what comes early waits here. (asyncssh's own forwarder
    drops it.) It is bounded by the channel's window.
    """

    def __init__(self, peer: Relay | None = None) -> None:
        """The second end of a pair is given the first."""
        self.on_close: Callable[[], None] | None = None
        self._channel: Any = None
        self._is_ready = self._is_closed = False
        self._peer = peer
        #: To be sent once this end is ready; None stands for the end of the stream.
        self._outbox: list[bytes | None] = []
        #: Received before there was a peer.
        self._inbox: list[bytes | None] = []
        self._got_eof = False
        if peer is not None:
            peer.join(self)

    def join(self, peer: Relay) -> None:
        """Makes `peer` the other end, and gives it what came before."""
        self._peer = peer
        for item in self._inbox:
            peer.send(item)
        self._inbox.clear()

    def send(self, item: bytes | None) -> None:
        """Sends bytes, or the end of the stream, now or once the channel is open."""
        if not self._is_ready:
            self._outbox.append(item)
        elif self._channel is not None:
            with contextlib.suppress(OSError):  # a channel that just closed
                if item is None:
                    self._channel.write_eof()
                else:
                    self._channel.write(item)

    def close(self) -> None:
        """Closes both ends; safe to call twice.

        One whose channel is still being opened closes once that is done and
        what waits for it is sent.
        """
        self._is_closed = True
        if not self._is_ready:
            return
        channel, self._channel = self._channel, None
        peer, self._peer = self._peer, None
        if channel is not None:
            channel.close()
        if peer is not None:
            peer.close()
        if self.on_close is not None:
            tell, self.on_close = self.on_close, None
            tell()

    @override
    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        self._channel = chan

    @override
    def session_started(self) -> None:
        self._is_ready = True
        for item in self._outbox:
            self.send(item)
        self._outbox.clear()
        if self._is_closed or (self._peer is not None and self._peer.is_closed()):
            self.close()

    @override
    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        self._pass_on(data)

    @override
    def eof_received(self) -> bool:
        self._got_eof = True
        self._pass_on(None)
        # Half-closed until the other end has said its last word too.
        return self._peer is None or not self._peer.has_ended()

    def has_ended(self) -> bool:
        """True when this end will send nothing more."""
        return self._got_eof

    @override
    def pause_writing(self) -> None:
        self._hold(is_held=True)

    @override
    def resume_writing(self) -> None:
        self._hold(is_held=False)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ready = True  # it will never be, so there is nothing to wait for
        self.close()

    def _pass_on(self, item: bytes | None) -> None:
        if self._peer is None:
            self._inbox.append(item)
        else:
            self._peer.send(item)

    def _hold(self, *, is_held: bool) -> None:
        """Stops the sender while nobody reads, so that memory stays bounded."""
        if self._peer is not None:
            self._peer.hold_reading(is_held=is_held)

    def is_closed(self) -> bool:
        """True once `close` was called, by either side."""
        return self._is_closed

    def hold_reading(self, *, is_held: bool) -> None:
        """Stops or goes on to read from this end's channel."""
        if self._channel is None:
            return
        if is_held:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()


async def open_forward(
    link: Any, forward: Forward, *, window: int, timeout_s: float, origin: str
) -> Relay:
    """Opens a channel to the device's client as if someone had connected to `forward`.

    The host and port are sent verbatim as they were asked for: OpenSSH checks
    both. Raises ChannelOpenError: the client's, or "tunnel-down" when it does
    not answer in `timeout_s`. asyncssh cannot cancel an open, so one that comes
    later is closed then.
    """
    if forward.path:
        opening = link.create_unix_connection(Relay, forward.path, window=window)
    else:
        opening = link.create_connection(Relay, forward.host, forward.port, origin, 0,
                                         window=window)
    task: asyncio.Task[Any] = asyncio.ensure_future(opening)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
    finally:
        if not task.done():
            task.add_done_callback(_close_late)
    if not task.done():
        raise asyncssh.ChannelOpenError(
            asyncssh.OPEN_CONNECT_FAILED, f"tunnel-down: no answer within {timeout_s:g} s"
        )
    _, relay = task.result()
    return cast(Relay, relay)


def _close_late(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[0].abort()


async def wait_for_forward(tunnel: Tunnel, timeout_s: float) -> None:
    """Waits for a tunnel's first forward: its client logs in, then asks for it."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    tunnel.waiters.append(waiter)
    await asyncio.wait({waiter}, timeout=timeout_s)
