"""asyncssh's client connection, with fewer round trips and bounded floods.

Together with `dial._options` this is the place that leans on what asyncssh does
inside. A login
costs five round trips instead of seven: the `none` request that only asks for
a list of methods is not sent, and a key that is ours is signed at once instead
of being asked about first (RFC 4252, 7: both are optional). The tests count
the round trips against real servers, so a change in asyncssh shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import asyncssh
from asyncssh.auth import ClientAuth
from asyncssh.packet import Boolean, PacketDecodeError, SSHPacket, String
from typing_extensions import override

from fleetrun.transport.attempt import Attempt, Phase, printable

#: Bytes a server may send before its SSH version line. Source: specs, N-08.
BANNER_LIMIT_BYTES = 64 * 1024

_MSG_DEBUG = 4
_MSG_DISCONNECT = 1
_MSG_UNIMPLEMENTED = 3
_MSG_KEXINIT = 20
_MSG_USERAUTH_FAILURE = 51
_MSG_USERAUTH_BANNER = 53
_MSG_GLOBAL_REQUEST = 80
_MSG_CHANNEL_OPEN = 90
_MSG_CHANNEL_REQUEST = 98

#: Cost of messages that a device may send unasked, in flood tokens. A key
#: exchange costs milliseconds of CPU, the others microseconds and a reply.
#: MSG_IGNORE is free: asyncssh servers send one before each packet.
_COSTS = {
    _MSG_DEBUG: 1,
    _MSG_UNIMPLEMENTED: 1,
    _MSG_KEXINIT: 20,
    _MSG_USERAUTH_FAILURE: 1,
    _MSG_USERAUTH_BANNER: 1,
    _MSG_GLOBAL_REQUEST: 1,
    _MSG_CHANNEL_OPEN: 1,
    _MSG_CHANNEL_REQUEST: 1,
}
_FLOOD_BURST = 200.0
_FLOOD_PER_SECOND = 5.0


class Credentials(Protocol):
    """Gives the keys for one login, best first."""

    #: Methods worth trying, best first; empty = ask the server.
    methods: tuple[str, ...]
    #: True when the first key should be signed without asking first.
    is_sure: bool

    async def next_key(self) -> asyncssh.SSHKeyPair | None:
        """The next key to try, None when there are no more."""
        ...

    def take_password(self) -> str | None:
        """The password, once."""
        ...

    def succeeded(self) -> None:
        """Called when the server let us in."""
        ...


class _Owner(asyncssh.SSHClient):
    """asyncssh's callbacks of one connection."""

    def __init__(self, attempt: Attempt, credentials: Credentials) -> None:
        self._attempt = attempt
        self._credentials: Credentials | None = credentials
        self.lost: Exception | None = None

    @override
    def begin_auth(self, username: str) -> None:
        self._attempt.phase = Phase.AUTH

    @override
    def auth_completed(self) -> None:
        self._attempt.phase = Phase.READY
        if self._credentials is not None:
            self._credentials.succeeded()
            self._credentials = None  # a device that is connected needs no key list

    @override
    async def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
        return await self._credentials.next_key() if self._credentials else None

    @override
    def password_auth_requested(self) -> str | None:
        return self._credentials.take_password() if self._credentials else None

    @override
    def kbdint_auth_requested(self) -> str | None:
        return None  # a device's prompts are never answered

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc


class _SignedKeyAuth(ClientAuth):
    """Public-key login that signs without asking whether the key is known."""

    @override
    async def _start(self) -> None:
        key = await self._conn.public_key_auth_requested()
        if key is None:
            self._conn.try_next_auth(next_method=True)
            return
        try:
            await self.send_request(
                Boolean(True), String(key.algorithm), String(key.public_data),
                key=key, trivial=False,
            )
        except ValueError:  # an agent that refuses to sign: go on with the next key
            self._conn.try_next_auth()


class Link(asyncssh.SSHClientConnection):
    """A client connection to one SSH server (a device or a jump host)."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: Any,  # asyncssh's options class grows its attributes at run time
        attempt: Attempt,
        credentials: Credentials,
        monotonic: Callable[[], float],
    ) -> None:
        self.attempt = attempt
        self.login_done: asyncio.Future[None] = loop.create_future()
        self._owned = _Owner(attempt, credentials)
        options.waiter = self.login_done
        options.protocol_factory = self._get_owner
        self._first_methods = [method.encode() for method in credentials.methods]
        self._signs_at_once = credentials.is_sure
        self._monotonic = monotonic
        self._has_ended = False
        self._tokens = _FLOOD_BURST
        self._tokens_at = monotonic()
        super().__init__(loop, options, wait="auth")

    def _get_owner(self) -> asyncssh.SSHClient:
        return self._owned

    @property
    def lost(self) -> Exception | None:
        """Why the connection ended, None while it lives or after a clean end."""
        return self._owned.lost

    def has_ended(self) -> bool:
        """True as soon as the connection is gone, also while its channels hear of it."""
        return self._has_ended

    @override
    def _force_close(self, exc: Exception | None) -> None:
        self._has_ended = True
        super()._force_close(exc)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the handshake."""
        self.attempt.phase = Phase.BANNER
        super().connection_made(transport)

    @override
    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Handles bytes from the server; drops one that never comes to SSH."""
        super().data_received(data, datatype)
        if self.attempt.phase is Phase.BANNER:
            if self.get_extra_info("server_version"):
                self.attempt.phase = Phase.KEX
                return
            self.attempt.banner_bytes += len(data)
            if self.attempt.banner_bytes > BANNER_LIMIT_BYTES:
                self._force_close(asyncssh.ProtocolError(
                    f"more than {BANNER_LIMIT_BYTES // 1024} KiB before the SSH banner"
                ))

    @override
    def validate_server_host_key(self, key_data: bytes) -> asyncssh.SSHKey:
        """Returns the server's key if it is trusted; keeps it for the message."""
        self.attempt.seen_host_key = key_data
        return super().validate_server_host_key(key_data)

    @override
    def try_next_auth(self, *, next_method: bool = False) -> None:
        """Tries the next login method; the first one without asking for a list."""
        if self._first_methods:
            self._auth_methods, self._first_methods = self._first_methods, []
            if self._signs_at_once:
                self._auth = _SignedKeyAuth(self, b"publickey")
                return
        super().try_next_auth(next_method=next_method)

    @override
    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> Any:
        """Handles a message that belongs to no channel."""
        self._spend(pkttype)
        if pkttype == _MSG_DISCONNECT:
            self.attempt.is_disconnected = True
        elif pkttype == _MSG_USERAUTH_FAILURE:
            self._note_methods(SSHPacket(packet.get_remaining_payload()))
        return super().process_packet(pkttype, pktid, packet)

    def _note_methods(self, copied: SSHPacket) -> None:
        try:
            names = b",".join(copied.get_namelist())
        except PacketDecodeError:
            return  # asyncssh raises the same for the packet itself
        self.attempt.server_methods = printable(names.decode("ascii", "replace"))

    @override
    def add_channel(self, chan: Any) -> int:
        """Adds a channel whose unasked messages are counted too."""
        handle = chan.process_packet
        chan.process_packet = partial(self._process_channel_packet, handle)
        return super().add_channel(chan)

    def _process_channel_packet(
        self, handle: Callable[..., Any], pkttype: int, pktid: int, packet: SSHPacket
    ) -> Any:
        if pkttype == _MSG_CHANNEL_REQUEST:
            self._spend(pkttype)
        return handle(pkttype, pktid, packet)

    def _spend(self, pkttype: int) -> None:
        cost = _COSTS.get(pkttype)
        if cost is None:
            return
        now = self._monotonic()
        refilled = self._tokens + (now - self._tokens_at) * _FLOOD_PER_SECOND
        self._tokens = min(_FLOOD_BURST, refilled) - cost
        self._tokens_at = now
        if self._tokens < 0:
            self.attempt.flood = f"it floods us with SSH messages of type {pkttype}"
            raise asyncssh.ProtocolError(self.attempt.flood)
