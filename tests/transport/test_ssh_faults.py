"""Servers that are not there, say nothing, say too much, or leave early."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

import asyncssh
import pytest

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.transport.attempt import Attempt
from fleetrun.transport.errors import dial_error
from fleetrun.transport.link import BANNER_LIMIT_BYTES
from tests.support.ssh_targets import read_all, run_on, target_of, transport
from tests.support.sshd import KeyFile, SshServer, free_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def target_at(port: int, key: KeyFile | None = None, **changes: object) -> Target:
    fields: dict[str, object] = {
        "device": "dev-1", "address": "127.0.0.1", "port": port, "user": "root",
        "private_keys": (str(key.path),) if key else (),
        "connect_timeout_s": 20.0, "login_timeout_s": 20.0,
    }
    return Target(**(fields | changes))  # type: ignore[arg-type]


async def failure_at(target: Target) -> ConnectError:
    async with transport() as ssh:
        with pytest.raises(ConnectError) as caught:
            await ssh.connect(target)
    return caught.value


@asynccontextmanager
async def tcp_server(handler: Handler) -> AsyncIterator[int]:
    """A raw TCP server; gives its port."""
    handlers = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers)


def failure_against(handler: Handler, **changes: object) -> ConnectError:
    async def main() -> ConnectError:
        async with tcp_server(handler) as port:
            return await failure_at(target_at(port, **changes))

    return asyncio.run(main())


def test_no_listener_is_refused() -> None:
    """The port is named, and the error may pass."""
    port = free_port("127.0.0.1")
    error = asyncio.run(failure_at(target_at(port)))
    assert error.kind == "connect/refused"
    assert error.message == f"connection refused (127.0.0.1:{port})"
    assert error.is_transient


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose queue is full: further connections get no answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def test_black_hole_times_out(black_hole: int) -> None:
    """The connect timeout is honoured."""

    async def main() -> tuple[ConnectError, float]:
        started = asyncio.get_running_loop().time()
        error = await failure_at(target_at(black_hole, connect_timeout_s=0.5))
        return error, asyncio.get_running_loop().time() - started

    error, took = asyncio.run(main())
    assert error.kind == "connect/timeout"
    assert error.message == f"connect timed out after 0.5 s (127.0.0.1:{black_hole})"
    assert 0.5 <= took < 3.5


def test_silent_server_has_no_banner() -> None:
    """Something that accepts and waits is not an SSH server; the timeout is honoured."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    error = failure_against(silent, login_timeout_s=0.4)
    assert error.kind == "connect/banner"
    assert error.message.startswith("no SSH banner within 0.4 s (127.0.0.1:")


def test_server_that_stops_after_its_banner_times_out_the_login() -> None:
    """SSH it is, but the login never ends."""

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-stuck\r\n")
        await reader.read()

    error = failure_against(stuck, login_timeout_s=0.4)
    assert error.kind == "connect/login-timeout"
    assert error.message.startswith("login not done within 0.4 s (")


@pytest.mark.parametrize("line", [b"x" * 8000 + b"\n", b"spam\r\n", b"y" * 100])
def test_endless_banner_is_cut_off(line: bytes) -> None:
    """A flood instead of SSH costs at most the cap, with or without line ends."""
    sent = 0

    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(line * 10)
            sent += 10 * len(line)
            await writer.drain()
            await asyncio.sleep(0)

    error = failure_against(chatter)
    assert error.kind == "connect/banner"
    assert sent < 100 * BANNER_LIMIT_BYTES


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "connect/closed"),
        (b"SSH-1.5-old\r\n", "connect/banner"),
        (b"SSH-2.0-b\xc3\xa4d\r\n", "connect/banner"),
        (b"SSH-2.0-x\r\n\x00\x00\x00\x0c\x0agarbage packet", "connect/protocol"),
        (b"SSH-2.0-x\r\n" + b"\xff" * 16, "connect/protocol"),
        (b"", "connect/closed"),
    ],
)
def test_what_is_not_ssh_is_told(greeting: bytes, kind: str) -> None:
    """Any bytes give an error of ours, none an exception of a library."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        await reader.readline()
        if kind != "connect/closed":
            await reader.read()

    assert failure_against(greet).kind == kind


def test_error_text_of_a_device_is_made_printable() -> None:
    """A device cannot put escapes into our messages."""

    async def disconnect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reason = b"\x1b]0;owned\x07 too busy"
        payload = (b"\x01" + (12).to_bytes(4, "big") + len(reason).to_bytes(4, "big") + reason
                   + bytes(4))
        padding = -(5 + len(payload)) % 8 + 8
        packet = bytes([padding]) + payload + bytes(padding)
        writer.write(b"SSH-2.0-x\r\n" + len(packet).to_bytes(4, "big") + packet)
        await reader.read()

    error = failure_against(disconnect)
    assert error.kind == "connect/closed"
    assert "?]0;owned? too busy" in error.message
    assert error.message.isprintable()


def test_file_limit_is_our_own_lack_of_resources(openssh: SshServer, ed25519: KeyFile) -> None:
    """EMFILE is not the device's fault, and passes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> ConnectError:
        target = target_of(openssh, ed25519)
        async with transport() as ssh:
            await run_on(ssh, target, "true")
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                with pytest.raises(ConnectError) as caught:
                    await ssh.connect(target)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            return caught.value

    error = asyncio.run(main())
    assert error.kind == "connect/resources"
    assert error.is_transient
    assert "EMFILE" in error.message


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), "connect/resources"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "connect/no-route"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "connect/no-route"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), "connect/timeout"),
        (OSError(errno.ECONNRESET, "Connection reset by peer"), "connect/closed"),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 22, 0, 0), "
                 "[Errno 111] Connect call failed ('127.0.0.1', 22)"), "connect/refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "connect/dns"),
        (UnicodeError("label too long"), "connect/dns"),
        (OverflowError("port must be 0-65535"), "connect/protocol"),
        (asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection timed out"),
         "connect/timeout"),
        (asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Name does not resolve"),
         "connect/dns"),
    ],
)
def test_causes_of_no_connection(exc: Exception, kind: str) -> None:
    """Every cause that the system tells has its kind."""
    attempt = Attempt(target=target_at(22, address="2001:db8::1"), user="root")
    error = dial_error(exc, attempt)
    assert error.kind == kind
    assert "([2001:db8::1]:22)" in error.message


def test_dead_address_of_a_name_does_not_stop_the_next(
    openssh: SshServer, ed25519: KeyFile, black_hole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two addresses the first is a black hole; the second answers in time."""
    def resolve(*_args: object, **_options: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
                for port in (black_hole, openssh.port)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def main() -> bytes:
        async with transport() as ssh:
            target = target_of(openssh, ed25519, address="gw.example")
            return (await run_on(ssh, target, "echo hello"))[0]

    assert asyncio.run(main()) == b"hello\n"


class Leaver(asyncssh.SSHServer):
    """Lets anybody in, then goes."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.conn = conn

    def begin_auth(self, username: str) -> bool:
        return False

    def auth_completed(self) -> None:
        asyncio.get_running_loop().call_soon(self.conn.abort)


class Host(asyncssh.SSHServer):
    """Lets anybody in."""

    def begin_auth(self, username: str) -> bool:
        return False


@asynccontextmanager
async def fake_server(factory: type[asyncssh.SSHServer], **options: object
                      ) -> AsyncIterator[Target]:
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        factory, "127.0.0.1", 0, server_host_keys=[host_key], encoding=None, **options,
    )
    try:
        line = host_key.export_public_key().decode().strip()
        yield target_at(server.get_port(), host_keys=(line,))
    finally:
        server.close()
        await server.wait_closed()


def test_server_that_closes_right_after_login_is_told() -> None:
    """Logged in, but no session: still a connect error, nothing of ours ran."""

    async def main() -> ConnectError:
        async with fake_server(Leaver) as target, transport() as ssh:
            connection = await ssh.connect(target)
            with pytest.raises(ConnectError) as caught:
                await connection.open("echo hello")
            await connection.close()
            return caught.value

    error = asyncio.run(main())
    assert error.kind == "connect/closed"
    assert error.message.startswith("closed the connection right after authentication (")


class Dropper(asyncssh.SSHServer):
    """Closes the first channels as soon as they are open, as dropbear may."""

    drops = 0
    commands: ClassVar[list[str | None]] = []

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        is_dropped, type(self).drops = self.drops > 0, self.drops - 1
        return DroppedSession() if is_dropped else Answer()


class DroppedSession(asyncssh.SSHServerSession[bytes]):
    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        chan.close()


class Answer(asyncssh.SSHServerSession[bytes]):
    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self.chan = chan

    def exec_requested(self, command: str) -> bool:
        Dropper.commands.append(command)
        return command != "refused"

    def session_started(self) -> None:
        self.chan.write(b"in\n")
        self.chan.exit(0)


def open_against_dropper(drops: int, command: str) -> bytes:
    async def main() -> bytes:
        Dropper.drops = drops
        Dropper.commands.clear()
        async with fake_server(Dropper) as target, transport() as ssh:
            return (await run_on(ssh, target, command))[0]

    return asyncio.run(main())


def test_channel_dropped_before_its_command_is_opened_again() -> None:
    """The command runs once, on the channel that stays."""
    assert open_against_dropper(2, "hello") == b"in\n"
    assert Dropper.commands == ["hello"]


def test_channel_that_is_always_dropped_is_told() -> None:
    """It is given up, and nothing ran."""
    with pytest.raises(ConnectError) as caught:
        open_against_dropper(99, "hello")
    assert caught.value.kind == "connect/closed"
    assert "before it started the command" in caught.value.message
    assert Dropper.commands == []


def test_command_that_is_refused_is_told() -> None:
    """A server that says no to the command is no lost link, and is not asked twice."""
    with pytest.raises(ConnectError) as caught:
        open_against_dropper(0, "refused")
    assert caught.value.kind == "connect/protocol"
    assert "refused to start a session" in caught.value.message
    assert Dropper.commands == ["refused"]


def run_against(process: Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]
                ) -> tuple[bytes, int | None, str, str]:
    """Output, exit status, signal and error kind of a program that is `process`."""
    async def main() -> tuple[bytes, int | None, str, str]:
        async with fake_server(Host, process_factory=process) as target, transport() as ssh:
            connection = await ssh.connect(target)
            stream = await connection.open("whatever")
            kind = ""
            output = await stream.read()
            try:
                output += await read_all(stream)
            except LinkLostError as exc:
                kind = exc.kind
            await connection.close()
            return output, stream.exit_status, stream.exit_signal, kind

    return asyncio.run(main())


def test_channel_that_closes_without_status_is_unknown() -> None:
    """A clean close with no status gives None, which never means success."""

    async def vanish(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"partial")
        await asyncio.sleep(0)
        process.channel.close()

    assert run_against(vanish) == (b"partial", None, "", "")


def test_polite_disconnect_in_mid_command_is_a_lost_link() -> None:
    """A goodbye is no result."""

    async def goodbye(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"partial")
        await asyncio.sleep(0.05)
        conn = process.get_extra_info("connection")
        conn._send_disconnect(asyncssh.DISC_BY_APPLICATION, "bye", "")
        conn._force_close(None)

    assert run_against(goodbye) == (b"partial", None, "", "lost/closed")


def test_reset_in_mid_command_is_a_lost_link() -> None:
    """So is a connection that is cut."""

    async def cut(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"partial")
        await asyncio.sleep(0.05)
        sock = process.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        process.get_extra_info("connection").abort()

    output, status, signal, kind = run_against(cut)
    assert (output, status, signal) == (b"partial", None, "")
    assert kind in {"lost/reset", "lost/closed"}


def test_signal_name_of_a_device_is_cleaned() -> None:
    """Only what can be a signal name is kept."""

    async def die(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"x")
        process.channel.exit_with_signal("KI\x1b[31mLL", False, "core \x1b", "")

    assert run_against(die) == (b"x", None, "KI31mLL", "")


def test_password_is_used_only_when_given() -> None:
    """The password logs in; without one it is not asked for."""

    class Asker(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return password == "open sesame"

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"in\n")
        process.exit(0)

    async def main() -> tuple[bytes, ConnectError, ConnectError]:
        async with fake_server(Asker, process_factory=answer) as target:
            fields = {"host_keys": target.host_keys}
            async with transport() as ssh:
                given = target_at(target.port, password="open sesame", **fields)
                output, _ = await run_on(ssh, given, "x")
            wrong = await failure_at(target_at(target.port, password="wrong", **fields))
            return output, wrong, await failure_at(target)

    output, wrong, missing = asyncio.run(main())
    assert output == b"in\n"
    assert (wrong.kind, missing.kind) == ("connect/auth", "connect/auth")
    assert "offered password" in wrong.message
    assert "wrong" not in wrong.message.replace("offered password", "")
    assert "offered no key; the server accepts keyboard-interactive,password" in missing.message


def test_prompts_of_a_device_are_never_answered() -> None:
    """Keyboard-interactive is not even tried, with a password in hand."""
    prompted = []

    class Phisher(asyncssh.SSHServer):
        def kbdint_auth_supported(self) -> bool:
            return True

        def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> object:
            prompted.append(username)
            return "", "", "", [("Enter the vault password: ", False)]

        def validate_kbdint_response(self, username: str, responses: object) -> bool:
            prompted.append(responses)
            return True

    async def main() -> ConnectError:
        async with fake_server(Phisher) as target:
            return await failure_at(
                target_at(target.port, password="open sesame", host_keys=target.host_keys)
            )

    assert asyncio.run(main()).kind == "connect/auth"
    assert prompted == []


def test_cancelled_connect_leaves_nothing_open() -> None:
    """Ctrl-C during a login closes the socket at once."""
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async def main() -> None:
        async with tcp_server(silent) as port, transport() as ssh:
            connecting = asyncio.create_task(ssh.connect(target_at(port)))
            await asyncio.sleep(0.1)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            async with asyncio.timeout(5):
                await ended.wait()

    asyncio.run(main())
