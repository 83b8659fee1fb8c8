"""One client's connection to the bastion: its login, and what it may ask for.

A device may forward and nothing else; an operator may dial devices and read
their presence, and nothing else. Everything that is not allowed here is refused
by being absent: asyncssh's defaults for sessions, tun devices and sockets say no.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh.packet import String
from typing_extensions import override

from fleetrun.bastion.keys import Identity
from fleetrun.bastion.policy import Role, refuse_forward, refuse_path
from fleetrun.bastion.presence import PresenceSession
from fleetrun.bastion.registry import Forward, Tunnel

if TYPE_CHECKING:
    from fleetrun.bastion.server import Bastion

#: Bytes a channel may have on the way; bounds what one stuck peer can hold here.
WINDOW_BYTES = 512 * 1024
#: TCP_USER_TIMEOUT: the kernel gives up on unanswered data after keepalives would.
_SLACK_S = 5.0


class BastionConnection(asyncssh.SSHServerConnection):
    """A connection that is admitted before it costs a key exchange."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: Any, bastion: Bastion
    ) -> None:  # asyncssh's options class grows its attributes at run time
        self._bastion = bastion
        self.identity: Identity | None = None
        #: What was signed in with; the wire form of the key or certificate.
        self.credential = b""
        self.peer_address = ""
        self._is_pending = False
        super().__init__(loop, options)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the handshake, or closes at once when too many come."""
        peer = transport.get_extra_info("peername")
        self.peer_address = str(peer[0]) if peer else ""
        reason = self._bastion.admit(self.peer_address)
        if reason:
            self._transport = None
            transport.abort()  # type: ignore[attr-defined]  # TCP's transport has it
            return
        self._is_pending = True
        self._bastion.connections.add(self)
        super().connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None = None) -> None:
        """Cleans up; of a connection that was refused there is nothing."""
        if self in self._bastion.connections:
            super().connection_lost(exc)

    def settle(self) -> None:
        """Notes that the login ended, well or not."""
        if self._is_pending:
            self._is_pending = False
            self._bastion.admission.settled(self.peer_address)

    @override
    async def validate_public_key(
        self, username: str, key_data: bytes, msg: bytes, signature: bytes
    ) -> bool:
        """True when the key is known and, if there is one, the signature is right.

        The identity is that of the key that signed, not of one only asked about.
        """
        found = self._bastion.identify(key_data, self.peer_address, is_signed=bool(msg))
        if found is None:
            return False
        if not msg:
            return True
        if not found.key.verify(String(self._session_id) + msg, signature):
            return False
        self.identity, self.credential = found, key_data
        return True

    def drop(self, reason: str) -> None:
        """Ends the connection: a word to the client, then the socket.

        Channels are not closed before that, as asyncssh's `disconnect` would: an
        operator has to see that it is the bastion that went, not each device.
        """
        if self._transport is not None:
            self._send_disconnect(asyncssh.DISC_BY_APPLICATION, reason, "en")
            self._force_close(None)

    def time_out_kernel(self, interval_s: float, count: int) -> None:
        """Sets the keepalive, and lets the kernel drop what is never acknowledged."""
        self.set_keepalive(interval_s, count)
        found = self.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT,
                             int((interval_s * (count + 1) + _SLACK_S) * 1000))


class VirtualListener(asyncssh.SSHListener):
    """What a client takes for its listening port: an entry in the registry."""

    def __init__(self, tunnel: Tunnel, port: int) -> None:
        super().__init__()
        self._bound = (tunnel, port)

    @override
    def get_port(self) -> int:
        """The virtual port, which a client that asked for 0 is told."""
        return self._bound[1]

    @override
    def close(self) -> None:
        """Takes the entry away."""
        self._bound[0].remove(self._bound[1])

    @override
    async def wait_closed(self) -> None:
        """Nothing was bound, so nothing has to close."""


class Client(asyncssh.SSHServer):
    """asyncssh's callbacks of one connection."""

    def __init__(self, bastion: Bastion) -> None:
        self._bastion = bastion
        self._link: BastionConnection | None = None
        self._tunnel: Tunnel | None = None
        self._channels = 0

    @property
    def link(self) -> BastionConnection:
        """The connection; there is one from the first callback to the last."""
        if self._link is None:
            raise RuntimeError("asyncssh gave no connection")
        return self._link

    @override
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if isinstance(conn, BastionConnection):
            self._link = conn

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.link.settle()
        self._bastion.left(self.link, self._tunnel, exc)

    @override
    def public_key_auth_supported(self) -> bool:
        return True

    @override
    def auth_completed(self) -> None:
        link = self.link
        link.settle()
        if link.identity is None:  # no method but a key is offered
            link.abort()
            return
        self._tunnel = self._bastion.came(link, link.identity)

    # -- what a device may do ---------------------------------------------------

    @override
    def server_requested(self, listen_host: str, listen_port: int) -> VirtualListener | bool:
        return self._forward(Forward(listen_host, listen_port), refuse_forward(
            self.link.identity.name if self.link.identity else "", listen_host, listen_port,
            self._bastion.config.device_ports,
        ))

    @override
    def unix_server_requested(self, listen_path: str) -> VirtualListener | bool:
        name = self.link.identity.name if self.link.identity else ""
        return self._forward(Forward("", 0, listen_path), refuse_path(name, listen_path))

    def _forward(self, forward: Forward, why_not: str) -> VirtualListener | bool:
        tunnel, limit = self._tunnel, self._bastion.config.limits.forwards_per_device
        if tunnel is None:
            why_not = "an operator forwards nothing"
        elif len(tunnel.forwards) >= limit:
            why_not = f"more than {limit} forwards"
        if why_not or tunnel is None:
            self._bastion.refused(self.link, "forward", why_not)
            return False
        return VirtualListener(tunnel, tunnel.add(forward))

    # -- what an operator may do ------------------------------------------------

    @override
    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Any:
        """Dials the device named `dest_host`; nothing else can be reached."""
        identity, limits = self.link.identity, self._bastion.config.limits
        operator = identity.operator if identity else None
        if identity is None or identity.role is not Role.OPERATOR or operator is None:
            self._bastion.refused(self.link, "dial", "a device reaches nothing")
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "policy: a device reaches nothing"
            )
        if self._channels >= limits.channels_per_operator:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_RESOURCE_SHORTAGE, "policy: too many open channels"
            )
        channel: Any = self.link.create_tcp_channel(window=WINDOW_BYTES)
        return channel, self._dial(operator, dest_host, dest_port)

    async def _dial(self, operator: Any, device: str, port: int) -> Any:
        self._channels += 1
        try:
            relay = await self._bastion.dial(operator, device, port, self.link, self._hung_up)
        except BaseException:
            self._hung_up()
            raise
        if self.link not in self._bastion.connections:
            relay.connection_lost(None)  # who dialled is gone: nobody else would close it
        return relay

    def _hung_up(self) -> None:
        self._channels -= 1

    @override
    def session_requested(self) -> Any:
        """A session that shows presence; a device gets none at all."""
        identity = self.link.identity
        if identity is None or identity.operator is None:
            self._bastion.refused(self.link, "session", "a device gets no session")
            return False
        return PresenceSession(self._bastion.registry, identity.operator, time.time)
