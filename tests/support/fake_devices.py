"""The servers behind `fakes.FakeFleet`; runs as a program.

    python -m tests.support.fake_devices HOST_KEY_PATH AUTHORIZED_KEY

Each line on stdin is a JSON object with a `Fault`; the answer on stdout is the
address and port of the server that was started for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

_POLL_S = 0.02
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Process = asyncssh.SSHServerProcess[bytes]


@dataclass(slots=True, kw_only=True)
class Fault:
    """How a device goes wrong; without anything it is a good one."""

    home: str = "/"
    #: Name of one of `RAW`: no SSH server.
    raw: str = ""
    #: Hangs up as soon as the login is done.
    closes_after_login: bool = False
    #: Once this file is there the link goes, one time only.
    cut_when: str = ""
    #: reset | disconnect | channel (only that closes, without an exit status)
    cut_how: str = "reset"
    #: Cuts every connection so many seconds after its login; 0 = never.
    drops_after_s: float = 0.0
    #: False: nothing listens any more after the cut.
    comes_back: bool = True
    #: Seconds before a program starts.
    start_delay_s: float = 0.0
    #: Answers in place of a shell: these control lines, behind the true nonce.
    forges: list[str] = field(default_factory=list)
    #: Answers in place of a shell: so many bytes.
    floods: int = 0
    #: More of the environment of programs.
    environment: dict[str, str] = field(default_factory=dict)


class Device:
    """One asyncssh server."""

    def __init__(self, fault: Fault, host_key: str, authorized: str) -> None:
        self._fault = fault
        self._host_key = host_key
        self._authorized = asyncssh.import_authorized_keys(authorized)
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._links: set[asyncssh.SSHServerConnection] = set()
        self._processes: set[Process] = set()
        self._watcher: asyncio.Task[None] | None = None

    async def listen(self, address: str) -> int:
        """Starts the server; returns its port."""
        self._acceptor = await asyncssh.listen(
            address, 0, server_host_keys=[self._host_key],
            authorized_client_keys=self._authorized, server_factory=self._new_server,
            process_factory=self._run, encoding=None, line_editor=False,
            compression_algs=None, sftp_factory=None,
        )
        if self._fault.cut_when:
            self._watcher = asyncio.create_task(self._watch(Path(self._fault.cut_when)))
        return self._acceptor.get_port()

    async def _watch(self, path: Path) -> None:
        while not path.exists() or not self._links:
            await asyncio.sleep(_POLL_S)
        if not self._fault.comes_back and self._acceptor is not None:
            self._acceptor.close()
        for link in list(self._links):
            self._cut(link)

    def _cut(self, link: asyncssh.SSHServerConnection) -> None:
        if self._fault.cut_how == "channel":
            for process in list(self._processes):
                process.channel.abort()
        elif self._fault.cut_how == "disconnect":
            link.disconnect(asyncssh.DISC_BY_APPLICATION, "going down")
        else:
            # No linger: the peer gets a RST.
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
                elif device._fault.drops_after_s:
                    loop = asyncio.get_running_loop()
                    loop.call_later(device._fault.drops_after_s, device._cut, self.link)

        return Server()

    async def _run(self, process: Process) -> None:
        self._processes.add(process)
        try:
            await asyncio.sleep(self._fault.start_delay_s)
            if self._fault.forges:
                await forge(process, self._fault.forges)
            elif self._fault.floods:
                await flood(process, self._fault.floods)
            else:
                await self._shell(process)
        except (asyncssh.Error, OSError):
            pass  # the link is gone: that is what was wanted
        finally:
            self._processes.discard(process)

    async def _shell(self, process: Process) -> None:
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", process.command or "exec sh",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, cwd=self._fault.home, start_new_session=True,
            env={"HOME": self._fault.home, "PATH": _PATH, "LANG": "C.UTF-8",
                 **self._fault.environment},
        )
        try:
            # asyncssh would end the channel with the first of the two: with stderr,
            # which our runtime closes at once.
            await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr,
                                   send_eof=False)
            status = await _ended(process, child)
            if status is None:
                return
            await process.stdout.drain()
            if status < 0:
                process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
            else:
                process.exit(status)
        finally:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGHUP)


async def _ended(process: Process, child: asyncio.subprocess.Process) -> int | None:
    """The program's exit status; None when the channel was closed first."""
    closed = asyncio.create_task(process.channel.wait_closed())
    ended = asyncio.create_task(child.wait())
    await asyncio.wait({closed, ended}, return_when=asyncio.FIRST_COMPLETED)
    return ended.result() if ended.done() else None


async def forge(process: Process, lines: list[str]) -> None:
    """Answers with `lines` as control lines of our protocol."""
    nonce = await nonce_of(process)
    for line in lines:
        process.stdout.write(f"\n{nonce} {line}\n".encode())
    await process.stdout.drain()
    await asyncio.sleep(0.3)
    process.exit(0)


async def flood(process: Process, count: int) -> None:
    """Prints `count` bytes without a newline, and ends."""
    await nonce_of(process)
    chunk = b"x" * 65536
    for _ in range(count // len(chunk)):
        process.stdout.write(chunk)
        await process.stdout.drain()
    process.exit(0)


async def nonce_of(process: Process) -> str:
    """Reads what the controller sends until its shell's nonce is known."""
    heard = b""
    while True:
        heard += await process.stdin.read(65536)
        found = re.search(rb"fr__nonce=([0-9a-f]{32})", heard)
        if found:
            return found[1].decode()


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


RawScript = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RAW: dict[str, RawScript] = {
    script.__name__: script for script in (say_nothing, endless_banner, no_ssh)
}


async def listen_raw(address: str, script: RawScript) -> tuple[Any, int]:
    """Starts a TCP server that runs `script` for every connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await script(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, address, 0)
    return server, server.sockets[0].getsockname()[1]


async def serve(host_key: str, authorized: str) -> None:
    """Starts what stdin asks for, until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    alive: list[Any] = []
    for number in itertools.count(1):
        line = await reader.readline()
        if not line:
            return
        fault = Fault(**json.loads(line))
        address = f"127.0.2.{number}"
        if fault.raw:
            server, port = await listen_raw(address, RAW[fault.raw])
        else:
            server = Device(fault, host_key, authorized)
            port = await server.listen(address)
        alive.append(server)
        print(json.dumps([address, port]), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
