"""What is known of one connection: errors are worded from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from fleetrun.contracts import Target


class Phase(IntEnum):
    """How far a connection got."""

    TCP = 1
    BANNER = 2
    KEX = 3
    AUTH = 4
    READY = 5


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One connection to one SSH server; filled in while it goes on."""

    target: Target
    user: str
    #: "jump host b1 (hop 1 of 2)" when the server is one, else "".
    hop: str = ""
    phase: Phase = Phase.TCP
    #: Wire form of the key the server showed, b"" before it did.
    seen_host_key: bytes = b""
    #: Names of the keys that were offered, in order.
    offered: list[str] = field(default_factory=list)
    #: Authentication methods the server last named.
    server_methods: str = ""
    #: Banner bytes received before the SSH version line.
    banner_bytes: int = 0
    #: True once a program was started over this connection.
    is_used: bool = False
    #: True when the device ended the connection with a disconnect message.
    is_disconnected: bool = False
    #: True once we closed the connection ourselves.
    is_closed: bool = False
    #: Says whether the connection to the bastion in between is gone.
    is_bastion_gone: Callable[[], bool] | None = None
    #: Set when we dropped the connection because of a flood.
    flood: str = ""

    @property
    def place(self) -> str:
        """The address and port, as people write them."""
        return format_place(self.target.address, self.target.port)


def format_place(address: str, port: int) -> str:
    """Returns ``address:port``, IPv6 in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def printable(text: str, limit: int = 200) -> str:
    """Returns text that a device sent, safe to show: one line, capped."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:limit])
    return shown + ("..." if len(text) > limit else "")
