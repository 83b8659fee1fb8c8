"""The SSH servers of a lab's devices, one per loopback address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path
from typing import Final

import asyncssh
from typing_extensions import override

from fleetrun.errors import PreflightError
from fleetrun.lab.device import ENVIRONMENT, DeviceBox
from fleetrun.lab.faults import Fault

#: Seconds that a slow device takes to start a program.
SLOW_S: Final = 2.0
#: Seconds that a "reboot" takes.
BOOT_S: Final = 1.0
#: A flaky device drops its link somewhere in this many seconds.
FLAKY_S: Final = (0.05, 3.0)
#: Seconds to wait for output that is still on its way when a program has ended.
LINGER_S: Final = 2.0
CHUNK_BYTES: Final = 64 * 1024

_GONE: Final = (
    asyncssh.Error, OSError, asyncssh.BreakReceived, asyncssh.SignalReceived,
    asyncssh.TerminalSizeChanged,
)


class DeviceServer:
    """One device's SSH server; restarts it when the device asks for a reboot."""

    def __init__(self, box: DeviceBox, host_key: asyncssh.SSHKey, client_key: Path) -> None:
        self._box = box
        self._host_key = host_key
        self._client_key = client_key
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._links: set[asyncssh.SSHServerConnection] = set()
        self._control = -1
        self._rebooting: asyncio.Task[None] | None = None
        self._random = random.Random(box.device.name)  # noqa: S311  # spreads faults

    async def start(self) -> None:
        """Lays out the device and listens, unless it is offline."""
        self._box.make_folder()
        self._watch_control()
        if Fault.OFFLINE not in self._box.device.faults:
            await self._listen()

    async def stop(self) -> None:
        """Ends the server and every program of the device."""
        if self._control >= 0:
            asyncio.get_running_loop().remove_reader(self._control)
            os.close(self._control)
            self._control = -1
        if self._rebooting is not None:
            self._rebooting.cancel()
            await asyncio.gather(self._rebooting, return_exceptions=True)
        await self._unlisten()
        await self._box.stop()

    async def _listen(self) -> None:
        device = self._box.device
        try:
            self._acceptor = await asyncssh.listen(
                device.address, device.port, server_host_keys=[self._host_key],
                authorized_client_keys=str(self._client_key), server_factory=self._new_server,
                process_factory=self._run, encoding=None, line_editor=False,
                compression_algs=None, keepalive_interval=30, allow_scp=False,
                sftp_factory=None, agent_forwarding=False,
            )
        except OSError as error:
            raise PreflightError(
                f"cannot listen on {device.address}:{device.port}: {error.strerror}",
                kind="lab/address-in-use", hint="another lab may be up: `fleetrun lab list`",
            ) from error

    async def _unlisten(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None
        for link in list(self._links):
            link.abort()

    def _new_server(self) -> asyncssh.SSHServer:
        return _Server(self)

    def linked(self, link: asyncssh.SSHServerConnection) -> None:
        """Notes a connection; a flaky device will drop it."""
        self._links.add(link)
        if Fault.FLAKY in self._box.device.faults:
            delay_s = self._random.uniform(*FLAKY_S)
            asyncio.get_running_loop().call_later(delay_s, link.abort)

    def unlinked(self, link: asyncssh.SSHServerConnection) -> None:
        """Forgets a connection."""
        self._links.discard(link)

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Runs one command in the device, as sshd would."""
        if Fault.SLOW in self._box.device.faults:
            await asyncio.sleep(SLOW_S)
        argv = await self._box.command(process.command or "exec /bin/sh -l")
        child = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=ENVIRONMENT, cwd="/", start_new_session=True,
        )
        status = await _serve(process, child)
        with contextlib.suppress(asyncssh.Error, OSError):
            if status < 0:
                process.exit_with_signal(_signal_name(-status))
            else:
                process.exit(status)

    def _watch_control(self) -> None:
        path = self._box.folder / "fs/run/lab-control"
        self._control = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._control, self._on_control)

    def _on_control(self) -> None:
        if b"reboot" in os.read(self._control, 4096) and self._rebooting is None:
            self._rebooting = asyncio.create_task(self._reboot())

    async def _reboot(self) -> None:
        try:
            # The command that asked gets a moment to answer, as on a real device.
            await asyncio.sleep(0.2)
            await self._unlisten()
            await self._box.reboot()
            await asyncio.sleep(BOOT_S)
            await self._listen()
        finally:
            self._rebooting = None


async def _serve(
    process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
) -> int:
    """Passes on what both sides say; returns the child's status.

    By hand: asyncssh 2.24's own redirection drops the whole connection when the
    client closes a channel while its program still has output to send.
    """
    async with asyncio.TaskGroup() as group:
        stdin = group.create_task(_to_child(process.stdin, child))
        outputs = [
            group.create_task(_from_child(child, 1, process.stdout)),
            group.create_task(_from_child(child, 2, process.stderr)),
        ]
        status = await child.wait()
        # The exit status must follow the last byte of output; but a process in
        # the background may keep the pipes open.
        await asyncio.wait(outputs, timeout=LINGER_S)
        for task in (stdin, *outputs):
            task.cancel()
    return status


async def _to_child(
    source: asyncssh.SSHReader[bytes], child: asyncio.subprocess.Process
) -> None:
    if child.stdin is None:
        return
    try:
        while content := await source.read(CHUNK_BYTES):
            child.stdin.write(content)
            await child.stdin.drain()
    except _GONE:
        pass  # as at the end of what it sends
    finally:
        child.stdin.close()


async def _from_child(
    child: asyncio.subprocess.Process, number: int, sink: asyncssh.SSHWriter[bytes]
) -> None:
    source = child.stdout if number == 1 else child.stderr
    if source is None:
        return
    with contextlib.suppress(*_GONE):
        while content := await source.read(CHUNK_BYTES):
            sink.write(content)
            await sink.drain()
        return
    # Nobody listens any more: whoever goes on printing gets a broken pipe.
    pipe = child._transport.get_pipe_transport(number)  # type: ignore[attr-defined]  # noqa: SLF001  # asyncio has no public way
    if pipe is not None:
        pipe.close()


class _Server(asyncssh.SSHServer):
    def __init__(self, owner: DeviceServer) -> None:
        self._owner = owner
        self._link: asyncssh.SSHServerConnection | None = None

    @override
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._link = conn
        self._owner.linked(conn)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._link is not None:
            self._owner.unlinked(self._link)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name.removeprefix("SIG")
