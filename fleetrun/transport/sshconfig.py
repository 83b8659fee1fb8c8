"""What ~/.ssh/config says about a target, when the inventory asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import asyncssh

from fleetrun.contracts import Hop, Target
from fleetrun.errors import ConnectError

DEFAULT_PORT = 22


async def apply_ssh_config(target: Target) -> Target:
    """Returns `target` with HostName, Port, User, IdentityFile and ProxyJump.

    What the inventory sets wins over the file, as an option of ssh does. Host
    keys stay pinned to the device's id. Raises ConnectError (connect/protocol)
    when the file cannot be read or parsed.
    """
    return await asyncio.to_thread(_apply, target)


async def apply_to_hop(target: Target) -> Target:
    """As `apply_ssh_config` for a jump host, whose own ProxyJump is not followed."""
    return replace(await apply_ssh_config(target), jumps=())


def _apply(target: Target) -> Target:
    path = Path("~/.ssh/config").expanduser()
    if not path.is_file():
        return target
    try:
        options = asyncssh.SSHClientConnectionOptions(
            config=[str(path)], host=target.address, client_keys=None, agent_path=None,
            known_hosts=((), (), ()), x509_trusted_certs=None, gss_host=None,
            username=target.user or (),
        )
        jumps = _parse_jumps(options.tunnel)
    except (ValueError, OSError) as exc:
        raise ConnectError(
            f"cannot use {path}: {exc}", kind="connect/protocol",
            hint="mend the file, or turn use_ssh_config off",
        ) from exc
    files = cast("Sequence[str]", options.config.get("IdentityFile", ()))
    return replace(
        target,
        address=options.host,
        port=options.port if target.port == DEFAULT_PORT else target.port,
        user=target.user or options.username,
        private_keys=target.private_keys or tuple(str(file) for file in files),
        jumps=target.jumps or jumps,
    )


def _parse_jumps(text: object) -> tuple[Hop, ...]:
    """Returns the hops of a ProxyJump value: ``[user@]host[:port],...``."""
    if not isinstance(text, str) or not text:
        return ()
    return tuple(_parse_hop(part.strip()) for part in text.split(","))


def _parse_hop(text: str) -> Hop:
    user, _, place = text.rpartition("@")
    host, colon, port = place.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = place, str(DEFAULT_PORT)
    return Hop(host=host.strip("[]"), port=int(port), user=user)
