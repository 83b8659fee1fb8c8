"""The SSH transport: real devices, over asyncssh."""

from __future__ import annotations

import asyncio

import asyncssh

from fleetrun.contracts import Clock, Target
from fleetrun.transport.bastion_client import BastionClient
from fleetrun.transport.dial import Dialer
from fleetrun.transport.errors import lost_error, open_timeout
from fleetrun.transport.hostkeys import HostKeys
from fleetrun.transport.jump import JumpPool
from fleetrun.transport.keys import AskPassphrase, KeyRing
from fleetrun.transport.link import Link
from fleetrun.transport.sshconfig import apply_ssh_config
from fleetrun.transport.stream import WINDOW_BYTES, SshStream

#: A pty must not echo passwords back nor turn our newlines into others.
_PTY_MODES = {asyncssh.PTY_ECHO: 0, asyncssh.PTY_ONLCR: 0}
#: Dropbear (seen: 2022.83) closes a channel that is opened while the program of
#: another one ends. Nothing ran then, so opening again is safe; and its answer
#: is waited for when there may be another one.
_OPEN_RETRIES = 3
_PTY_TYPE = "dumb"
_PTY_SIZE = (200, 50)


class SshTransport:
    """Connects to devices over SSH; see `contracts.Transport`.

    Keys, known_hosts files, the agent and jump hosts are shared by all
    connections of one transport. Use it from one event loop.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        ask_passphrase: AskPassphrase | None = None,
        agent: bool = True,
    ) -> None:
        """`ask_passphrase` gets a key's path and returns None for "no answer"."""
        self._keys = KeyRing(clock, ask_passphrase=ask_passphrase, use_agent=agent)
        self._dialer = Dialer(clock, self._keys, HostKeys())
        self._jumps = JumpPool(self._dialer)
        self._bastions = BastionClient(self._dialer, self._jumps)

    async def connect(self, target: Target) -> SshConnection:
        """Connects and logs in; raises ConnectError with the true cause.

        Nothing is sent to a server whose host key is not the pinned one.
        """
        if target.bastions:
            return SshConnection(await self._bastions.dial(target))
        if target.use_ssh_config:
            target = await apply_ssh_config(target)
        via = await self._jumps.open(target) if target.jumps else None
        return SshConnection(await self._dialer.dial(target, via=via))

    async def close(self) -> None:
        """Closes the jump hosts' connections and the agent's."""
        await self._jumps.close()
        await self._keys.close()


class SshConnection:
    """A connection to one device; see `contracts.Connection`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def open(self, command: str, *, pty: bool = False) -> SshStream:
        """Starts `command`; returns as soon as it may be written to.

        Raises ConnectError when the device refuses a session and nothing of
        ours ran yet, LinkLostError when the link went away after that. Without
        a pty the server's answer to the command itself is not waited for: a
        refusal shows at the first read.
        """
        attempt = self._link.attempt
        stream = await self._open_once(command, pty)
        for _ in range(_OPEN_RETRIES):
            if not stream.is_dropped or self._link.is_closed():
                break
            stream = await self._open_once(command, pty)
        if stream.failure is not None:
            if attempt.is_used and self._link.is_closed():
                raise lost_error(self._link.lost, attempt) from stream.failure
            raise stream.failure
        attempt.is_used = True
        return stream

    async def _open_once(self, command: str, pty: bool) -> SshStream:
        attempt = self._link.attempt
        stream = SshStream(attempt, starts_with_channel=not pty and self._may_start_early())
        stream.attach(asyncio.create_task(self._link.create_session(
            lambda: stream,
            command=command,
            encoding=None,
            window=WINDOW_BYTES,
            request_pty="force" if pty else False,
            term_type=_PTY_TYPE if pty else None,
            term_size=_PTY_SIZE if pty else None,
            term_modes=_PTY_MODES if pty else {},
        )))
        try:
            await asyncio.wait({stream.started}, timeout=attempt.target.login_timeout_s)
        except asyncio.CancelledError:
            await stream.close()
            raise
        if not stream.started.done():
            await stream.close()
            raise open_timeout(attempt)
        return stream

    def _may_start_early(self) -> bool:
        version = str(self._link.get_extra_info("server_version", ""))
        return not (self._link.attempt.is_used and "dropbear" in version)

    async def close(self) -> None:
        """Closes everything; safe to call twice, never raises."""
        self._link.attempt.is_closed = True
        self._link.close()
        await self._link.wait_closed()
        await asyncio.sleep(0)  # the event loop closes the socket one turn later
