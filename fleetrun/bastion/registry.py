"""Which device is up, through which connection. No IO.

Identity is the key: the newest authenticated session of a device wins at once.
Each gets a generation, and only the session that holds the entry may remove it:
the end of an old one, which may come much later, never removes the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from fleetrun.bastion.policy import SSH_PORT

#: First virtual port that is given to a client that asks for port 0.
_FIRST_GIVEN_PORT = 40_000


class DeviceLink(Protocol):
    """The connection that a device dialled."""

    def drop(self, reason: str) -> None:
        """Ends the connection, telling the client why."""
        ...


@dataclass(frozen=True, slots=True)
class Forward:
    """What a client asked to forward, verbatim: it checks that we send the same."""

    host: str
    port: int
    #: A socket path when it is one, "" otherwise.
    path: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Tunnel:
    """One device's session and its virtual forwards."""

    device: str
    generation: int
    link: DeviceLink
    address: str
    #: Unix time of the login.
    since: float
    forwards: dict[int, Forward] = field(default_factory=dict)
    channels: int = 0
    is_closed: bool = False
    #: Dials that came before the first forward.
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def add(self, forward: Forward) -> int:
        """Adds a forward; returns its virtual port.

        Port 0 and a socket path are also reached as the SSH port when nothing
        else is there: that is what a device means by them.
        """
        port = forward.port or self._free_port()
        self.forwards[port] = Forward(forward.host, port, forward.path)
        self._wake()
        return port

    def remove(self, port: int) -> None:
        """Removes a forward; one that is gone is no error."""
        self.forwards.pop(port, None)

    def forward_for(self, port: int) -> Forward | None:
        """Returns the forward that a dial to `port` goes to."""
        found = self.forwards.get(port)
        if found is None and port == SSH_PORT:
            given = [number for number in self.forwards if number >= _FIRST_GIVEN_PORT]
            found = self.forwards[min(given)] if given else None
        return found

    def close(self) -> None:
        """Marks the tunnel as ended; dials that wait for it learn it."""
        self.is_closed = True
        self.forwards.clear()
        self._wake()

    def _free_port(self) -> int:
        port = _FIRST_GIVEN_PORT
        while port in self.forwards:
            port += 1
        return port

    def _wake(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A device came or went."""

    device: str
    is_up: bool
    generation: int
    address: str
    since: float


class Registry:
    """All tunnels of this process by device id."""

    def __init__(self) -> None:
        self._tunnels: dict[str, Tunnel] = {}
        #: Casefolded id -> id: ssh lowers the names that it is given.
        self._folded: dict[str, str] = {}
        self._generation = 0
        self._watchers: set[Callable[[Presence], None]] = set()

    def __len__(self) -> int:
        return len(self._tunnels)

    def __iter__(self) -> Iterator[Tunnel]:
        return iter(tuple(self._tunnels.values()))

    def claim(
        self, device: str, link: DeviceLink, *, address: str, since: float
    ) -> tuple[Tunnel, Tunnel | None]:
        """Gives `device` to `link`; returns its tunnel, and the one it replaces.

        The replaced tunnel is closed here; its link is the caller's to drop.
        """
        old = self._tunnels.get(device)
        self._generation += 1
        made = Tunnel(device=device, generation=self._generation, link=link, address=address,
                      since=since)
        self._tunnels[device] = made
        self._folded[device.casefold()] = device
        if old is not None:
            old.close()
        self._tell(made, is_up=True)
        return made, old

    def release(self, tunnel: Tunnel) -> bool:
        """Removes `tunnel` unless a newer one took its place; True when removed."""
        tunnel.close()
        if self._tunnels.get(tunnel.device) is not tunnel:
            return False
        del self._tunnels[tunnel.device]
        self._folded.pop(tunnel.device.casefold(), None)
        self._tell(tunnel, is_up=False)
        return True

    def find(self, device: str) -> Tunnel | None:
        """Returns the tunnel of `device`; case only counts when two ids need it."""
        found = self._tunnels.get(device)
        return found or self._tunnels.get(self._folded.get(device.casefold(), ""))

    def watch(self, watcher: Callable[[Presence], None]) -> Callable[[], None]:
        """Calls `watcher` at each change; returns what ends it."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)

    def _tell(self, tunnel: Tunnel, *, is_up: bool) -> None:
        event = Presence(device=tunnel.device, is_up=is_up, generation=tunnel.generation,
                         address=tunnel.address, since=tunnel.since)
        for watcher in tuple(self._watchers):
            watcher(event)
