"""Who may reach what. Pure: no IO, so each rule is a plain test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

#: What a client may ask to "listen" on: names of this machine's loopback.
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
#: The port people dial when they mean the device's SSH server.
SSH_PORT = 22


class Role(Enum):
    """What a key is for."""

    DEVICE = "device"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person or an engine; reaches the devices that its patterns name."""

    name: str
    #: Public keys, "ssh-ed25519 AAAA…"; may be empty when a CA signs for `name`.
    keys: tuple[str, ...] = ()
    #: Device ids and shell patterns; () reaches nothing.
    reach: tuple[str, ...] = ()
    #: Virtual ports that may be dialled.
    ports: tuple[int, ...] = (SSH_PORT,)

    def sees(self, device: str) -> bool:
        """True when a pattern of this operator names `device`."""
        return any(fnmatchcase(device, pattern) for pattern in self.reach)

    def may_dial(self, device: str, port: int) -> bool:
        """True when this operator may open `port` of `device`."""
        return port in self.ports and self.sees(device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Devices that share a link: how often a silent one is asked whether it lives."""

    name: str
    devices: tuple[str, ...]
    keepalive_s: float

    def has(self, device: str) -> bool:
        """True when a pattern of this site names `device`."""
        return any(fnmatchcase(device, pattern) for pattern in self.devices)


def refuse_forward(device: str, host: str, port: int, ports: tuple[int, ...]) -> str:
    """Returns why `device` may not forward `host`:`port`, "" when it may.

    `ports` are those that devices may offer; 0 asks for any and stands for SSH.
    """
    if host not in LOOPBACK_NAMES and host != device.lower():
        return f"a device may forward localhost or its own id, not {host or 'every address'!r}"
    if port and port not in ports:
        return f"port {port} is none of the ports that devices may forward"
    return ""


def refuse_path(device: str, path: str) -> str:
    """Returns why `device` may not forward the socket `path`, "" when it may.

    No socket is ever made: the path is only a name, so it must be the device's.
    """
    name = path.rpartition("/")[2].removesuffix(".sock")
    return "" if name == device else f"a socket must carry the device's id, {device}.sock"
