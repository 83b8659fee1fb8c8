"""Targets and short cuts for tests that talk to a server of `support.sshd`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fleetrun.contracts import Target
from fleetrun.engine.clock import SystemClock
from fleetrun.transport.ssh import SshTransport
from fleetrun.transport.stream import SshStream
from tests.support.sshd import KeyFile, SshServer


def target_of(server: SshServer, *keys: KeyFile, **changes: Any) -> Target:
    """A target for `server`, its host key pinned, logging in with `keys`."""
    fields: dict[str, Any] = {
        "device": "dev-1",
        "address": server.address,
        "port": server.port,
        "user": server.user,
        "private_keys": tuple(str(key.path) for key in keys),
        "host_keys": (server.host_key_line,),
        "connect_timeout_s": 30.0,
        "login_timeout_s": 30.0,
    }
    return Target(**(fields | changes))


@asynccontextmanager
async def transport(**options: Any) -> AsyncIterator[SshTransport]:
    """An SSH transport that is closed at the end; no agent unless asked for."""
    made = SshTransport(SystemClock(), **({"agent": False} | options))
    try:
        yield made
    finally:
        await made.close()


async def read_all(stream: SshStream) -> bytes:
    """Everything the program still prints on stdout."""
    parts = []
    while part := await stream.read():
        parts.append(part)
    return b"".join(parts)


async def run_on(ssh: SshTransport, target: Target, command: str) -> tuple[bytes, int | None]:
    """Output and exit status of one command over a connection of its own."""
    connection = await ssh.connect(target)
    try:
        stream = await connection.open(command)
        return await read_all(stream), stream.exit_status
    finally:
        await connection.close()


def known_hosts_line(names: Iterable[str], host_key_line: str, *, marker: str = "") -> str:
    """One line of a known_hosts file."""
    return f"{marker + ' ' if marker else ''}{','.join(names)} {host_key_line}\n"
