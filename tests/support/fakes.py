"""Devices that misbehave: small servers in a thread of the test's own.

    with fake_fleet(tmp_path) as fakes:
        devices = {"good": fakes.device("good"), "mute": fakes.raw("mute", say_nothing)}

A `device` is an asyncssh server that runs commands with this machine's `sh`,
in a home folder of its own, and goes wrong as its `Fault` says. A `raw` one is
a TCP server and a coroutine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from tests.support.sshd import KeyFile, make_key

_START_TIMEOUT_S = 20.0
_POLL_S = 0.02
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Process = asyncssh.SSHServerProcess[bytes]
Script = Callable[[Process], Awaitable[None]]
RawScript = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Fault:
    """How a device goes wrong; without anything it is a good one."""

    #: Hangs up as soon as the login is done.
    closes_after_login: bool = False
    #: Once this file is there the link goes, one time only.
    cut_when: Path | None = None
    #: reset | disconnect | channel (only that closes, without an exit status)
    cut_how: str = "reset"
    #: False: nothing listens any more after the cut.
    comes_back: bool = True
    #: Seconds before a program starts.
    start_delay_s: float = 0.0
    #: Answers in place of a shell.
    script: Script | None = None
    #: More of the environment of programs.
    environment: dict[str, str] = field(default_factory=dict)


class FakeFleet:
    """The servers, and the event loop that they live on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = make_key(folder, "id_fakes")
        self._host_key = make_key(folder, "fakes_host_key")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._count = 0

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Closes every server and ends the thread."""
        for closer in self._closers:
            self._do(closer())
        self._do(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_TIMEOUT_S)
        self._loop.close()

    def home(self, name: str) -> Path:
        """The home folder of a device."""
        return self.folder / "fakes" / name

    def device(self, name: str, fault: Fault | None = None, **variables: object) -> dict[str, Any]:
        """Starts a device; returns its inventory variables."""
        self.home(name).mkdir(parents=True)
        server = _Device(self.home(name), fault or Fault(), self._host_key, self.key)
        address, port = self._do(server.listen(self._next_address()))
        self._closers.append(server.close)
        return self._variables(address, port, variables)

    def raw(self, name: str, script: RawScript, **variables: object) -> dict[str, Any]:
        """Starts a TCP server that runs `script` for every connection."""
        del name
        address = self._next_address()
        server = self._do(asyncio.start_server(_quietly(script), address, 0))

        async def close() -> None:
            server.close()

        self._closers.append(close)
        return self._variables(address, server.sockets[0].getsockname()[1], variables)

    def _next_address(self) -> str:
        self._count += 1
        return f"127.0.2.{self._count}"

    def _variables(self, address: str, port: int, more: dict[str, object]) -> dict[str, Any]:
        return {
            "ansible_host": address, "ansible_port": port, "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.key.path),
            "fleetrun_host_key": self._host_key.public, **more,
        }

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_TIMEOUT_S)

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def fake_fleet(folder: Path) -> Iterator[FakeFleet]:
    """A fleet of fakes; all are gone at the end."""
    fleet = FakeFleet(folder)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.stop()


class _Device:
    """One asyncssh server."""

    def __init__(self, home: Path, fault: Fault, host_key: KeyFile, key: KeyFile) -> None:
        self._home = home
        self._fault = fault
        self._host_key = str(host_key.path)
        self._authorized = asyncssh.import_authorized_keys(key.public)
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._links: set[asyncssh.SSHServerConnection] = set()
        self._processes: set[Process] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def listen(self, address: str) -> tuple[str, int]:
        self._acceptor = await asyncssh.listen(
            address, 0, server_host_keys=[self._host_key],
            authorized_client_keys=self._authorized, server_factory=self._new_server,
            process_factory=self._run, encoding=None, line_editor=False,
            compression_algs=None, sftp_factory=None,
        )
        if self._fault.cut_when is not None:
            self._watcher = asyncio.create_task(self._watch(self._fault.cut_when))
        return address, self._acceptor.get_port()

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        await self._unlisten()
        for link in list(self._links):
            link.abort()

    async def _unlisten(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
            self._acceptor = None

    async def _watch(self, path: Path) -> None:
        while not path.exists() or not self._links:
            await asyncio.sleep(_POLL_S)
        if not self._fault.comes_back:
            await self._unlisten()
        for link in list(self._links):
            self._cut(link)

    def _cut(self, link: asyncssh.SSHServerConnection) -> None:
        if self._fault.cut_how == "channel":
            for process in list(self._processes):
                process.channel.abort()
        elif self._fault.cut_how == "disconnect":
            link.disconnect(asyncssh.DISC_BY_APPLICATION, "going down")
        else:
            # Unread data lost and no linger: the peer gets a RST.
            link.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            link.abort()

    def _new_server(self) -> asyncssh.SSHServer:
        device = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                self.link = conn
                device._links.add(conn)

            def connection_lost(self, exc: Exception | None) -> None:
                device._links.discard(self.link)

            def auth_completed(self) -> None:
                if device._fault.closes_after_login:
                    self.link.abort()

        return Server()

    async def _run(self, process: Process) -> None:
        self._processes.add(process)
        try:
            await asyncio.sleep(self._fault.start_delay_s)
            await (self._fault.script or self._shell)(process)
        except (asyncssh.Error, OSError):
            pass  # the link is gone: that is what was wanted
        finally:
            self._processes.discard(process)

    async def _shell(self, process: Process) -> None:
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", process.command or "exec sh",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, cwd=self._home, start_new_session=True,
            env={"HOME": str(self._home), "PATH": _PATH, "LANG": "C.UTF-8",
                 **self._fault.environment},
        )
        try:
            await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
            status = await child.wait()
            await process.stdout.drain()
            process.exit(status)
        finally:
            if child.returncode is None:
                if child.stdin is not None:
                    child.stdin.close()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, 1)
                await child.wait()


def _quietly(script: RawScript) -> RawScript:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await script(reader, writer)
        writer.close()

    return handle


async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Accepts the connection and says nothing, for as long as the peer likes."""
    while await reader.read(65536):
        pass


async def endless_banner(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greets in lines without ever coming to SSH."""
    while True:
        writer.write(b"welcome to the device\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0)


async def no_ssh(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks another protocol."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def nonce_of(process: Process) -> str:
    """Reads what the controller sends until its shell's nonce is known."""
    heard = b""
    while True:
        heard += await process.stdin.read(65536)
        found = re.search(rb"fr__nonce=([0-9a-f]{32})", heard)
        if found:
            return found[1].decode()


def forger(*lines: str) -> Script:
    """A shell that answers with `lines` behind the true nonce, whatever it is asked."""

    async def script(process: Process) -> None:
        nonce = await nonce_of(process)
        for line in lines:
            process.stdout.write(f"\n{nonce} {line}\n".encode())
        await process.stdout.drain()
        await asyncio.sleep(0.3)
        process.exit(0)

    return script


def flood(count: int) -> Script:
    """A shell that prints `count` bytes without a newline, and ends."""

    async def script(process: Process) -> None:
        await nonce_of(process)
        chunk = b"x" * 65536
        for _ in range(count // len(chunk)):
            process.stdout.write(chunk)
            await process.stdout.drain()
        process.exit(0)

    return script
