"""Which devices are up, for an operator: `ssh bastion presence [--watch]`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import asyncssh
from typing_extensions import override

from fleetrun.bastion.policy import Operator
from fleetrun.bastion.registry import Presence, Registry

_USAGE = "use: presence, or presence --watch\n"
#: Bytes that a watcher may leave unread before it is dropped.
_BACKLOG_BYTES = 1 << 20


class PresenceSession(asyncssh.SSHServerSession[str]):
    """Answers one command with JSON lines; there is no shell and no terminal."""

    def __init__(
        self, registry: Registry, operator: Operator, now: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._operator = operator
        self._now = now
        self._command = ""
        self._channel: Any = None
        self._unwatch: Callable[[], None] | None = None

    @override
    def connection_made(self, chan: asyncssh.SSHServerChannel[str]) -> None:
        self._channel = chan

    @override
    def exec_requested(self, command: str) -> bool:
        self._command = command.strip()
        return True

    @override
    def session_started(self) -> None:
        if self._command not in {"presence", "presence --watch"}:
            self._channel.write_stderr(_USAGE)
            self._channel.exit(2)
            return
        if self._command == "presence --watch":
            # Before the list, so that nobody is missed; both run in one turn.
            self._unwatch = self._registry.watch(self._changed)
        for tunnel in self._registry:
            self._show(Presence(
                device=tunnel.device, is_up=True, generation=tunnel.generation,
                address=tunnel.address, since=tunnel.since,
            ))
        if self._unwatch is None:
            self._channel.exit(0)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()

    @override
    def eof_received(self) -> bool:
        return True  # a watcher whose stdin is /dev/null goes on reading

    def _changed(self, event: Presence) -> None:
        if self._channel.get_write_buffer_size() > _BACKLOG_BYTES:
            self._stop()
            self._channel.exit(1)
            return
        self._show(event)

    def _show(self, event: Presence) -> None:
        if self._operator.sees(event.device):
            self._channel.write(json.dumps({
                "device": event.device, "state": "up" if event.is_up else "down",
                "generation": event.generation, "address": event.address,
                "since": round(event.since, 3), "at": round(self._now(), 3),
            }, separators=(",", ":")) + "\n")

    def _stop(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
