"""Connections to jump hosts, shared by all devices behind them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fleetrun.contracts import Hop, Target
from fleetrun.errors import ConnectError
from fleetrun.transport.dial import Dialer
from fleetrun.transport.link import Link
from fleetrun.transport.sshconfig import apply_to_hop

#: What tells two chains apart: the hops, and what is used to log in to them.
_Key = tuple[tuple[Hop, ...], tuple[str, ...], tuple[str, ...], bool]


class JumpPool:
    """One connection per chain of hops; made on first use, again when it died."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._links: dict[_Key, asyncio.Task[Link]] = {}

    async def open(self, target: Target) -> Link:
        """Returns a link to the last jump host of `target`.

        Callers that come while it is being made share the attempt and its
        error. Raises ConnectError that says which hop failed.
        """
        return await self._open(target, len(target.jumps))

    async def close(self) -> None:
        """Closes all jump connections, the far ends first."""
        tasks = list(reversed(self._links.values()))
        self._links.clear()
        for task in tasks:
            if not task.done():
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and task.exception() is None:
                link = task.result()
                link.close()
                await link.wait_closed()

    async def _open(self, target: Target, count: int) -> Link:
        key = (target.jumps[:count], target.private_keys, target.known_hosts,
               target.use_ssh_config)
        task = self._links.get(key)
        if task is None or _is_dead(task):
            self._links.pop(key, None)  # a new chain goes to the end, closed first
            task = self._links[key] = asyncio.create_task(self._dial_hop(target, count))
        try:
            return await asyncio.shield(task)
        except ConnectError as exc:
            # one error per device: the shared one would collect their tracebacks
            raise ConnectError(exc.message, kind=exc.kind, hint=exc.hint) from exc

    async def _dial_hop(self, target: Target, count: int) -> Link:
        hop = target.jumps[count - 1]
        label = (f"bastion {hop.host}" if hop.is_bastion
                 else f"jump host {hop.host} (hop {count} of {len(target.jumps)})")
        via = await self._open(target, count - 1) if count > 1 else None
        server = replace(
            target, device=hop.host, address=hop.host, port=hop.port, user=hop.user,
            host_keys=hop.host_keys, jumps=(), bastions=(), password=None,
            use_ssh_config=target.use_ssh_config,
        )
        if target.use_ssh_config:
            server = await apply_to_hop(server)
        return await self._dialer.dial(server, via=via, hop=label)


def _is_dead(task: asyncio.Task[Link]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or task.result().is_closed()
