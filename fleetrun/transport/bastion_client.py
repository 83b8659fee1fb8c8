"""Devices behind a bastion: its tunnel is the socket of the inner connection.

One connection per bastion is shared by all devices behind it (see `jump`). The
device is dialled by its id, so the host key that counts is the one pinned to
the id: a wrong device behind a tunnel gets no command.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fleetrun.contracts import Hop, Target
from fleetrun.errors import ConnectError
from fleetrun.transport.attempt import format_place
from fleetrun.transport.dial import Dialer
from fleetrun.transport.jump import JumpPool
from fleetrun.transport.link import Link

#: The virtual port that stands for the device's SSH server.
_SSH_PORT: Final = 22
#: After these the next bastion is tried; the others are about the device itself.
_NEXT_KINDS: Final = frozenset({"connect/bastion", "connect/no-tunnel", "connect/tunnel-down"})


class BastionClient:
    """Dials devices through the bastions that their targets name."""

    def __init__(self, dialer: Dialer, jumps: JumpPool) -> None:
        self._dialer = dialer
        self._jumps = jumps

    async def dial(self, target: Target) -> Link:
        """Returns a link that is logged in to `target`.

        Bastions are tried in their order. Raises ConnectError: of the bastions
        that failed, one that is gone is named before one without a tunnel, as
        the device may be connected there.
        """
        failed: list[ConnectError] = []
        for hop in target.bastions:
            try:
                return await self._dial(target, hop)
            except ConnectError as exc:
                if exc.kind not in _NEXT_KINDS:
                    raise
                failed.append(exc)
        raise next((exc for exc in failed if exc.kind == "connect/bastion"), failed[-1])

    async def _dial(self, target: Target, hop: Hop) -> Link:
        try:
            via = await self._jumps.open(replace(target, jumps=(*target.jumps, hop)))
        except ConnectError as exc:
            if not exc.is_transient:
                raise
            raise gone(hop, exc.message) from exc
        behind = replace(target, address=target.device, port=_SSH_PORT, bastions=(hop,))
        try:
            return await self._dialer.dial(behind, via=via)
        except ConnectError as exc:
            if via.has_ended():
                raise gone(hop, "it closed the connection") from exc
            raise


def gone(hop: Hop, why: str) -> ConnectError:
    """Returns the error for a bastion that cannot be used: one incident for all behind it."""
    place = format_place(hop.host, hop.port)
    return ConnectError(
        f"unreachable: bastion {place}: {why.removeprefix(f'bastion {hop.host}: ')}",
        kind="connect/bastion",
        hint="this concerns every device behind it: is `fleetrun bastion serve` up there?",
    )
