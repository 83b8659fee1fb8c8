"""What a hostile device may try on the connection that we made to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError, FleetrunError, LinkLostError
from tests.support.ssh_targets import read_all, transport

Attack = Callable[[Any, Any], Awaitable[None]]


async def against(attack: Attack, *, waits_for_end: bool = True) -> FleetrunError | bytes:
    """What a client sees while the device runs `attack(connection, channel)`."""
    ended = asyncio.Event()

    class Host(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    async def process(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(b"up\n")
        try:
            await attack(process.get_extra_info("connection"), process.channel)
        finally:
            ended.set()
        process.exit(0)

    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        Host, "127.0.0.1", 0, server_host_keys=[host_key], encoding=None, process_factory=process
    )
    target = Target(device="dev-1", address="127.0.0.1", port=server.get_port(), user="root",
                    host_keys=(host_key.export_public_key().decode().strip(),))
    async with transport() as ssh:
        connection = await ssh.connect(target)
        stream = await connection.open("whatever")
        try:
            return await read_all(stream)
        except FleetrunError as exc:
            return exc
        finally:
            await connection.close()
            await asyncio.wait_for(ended.wait(), 10)
            server.close()
            await server.wait_closed()


async def send_until_closed(send: Callable[[], None], connection: Any) -> None:
    for number in range(100_000):
        if connection.is_closed():
            return
        send()
        if number % 20 == 0:
            await asyncio.sleep(0)
    raise AssertionError("the client endured it all")


@pytest.mark.parametrize("kind", ["global request", "channel request", "debug", "rekey"])
def test_flood_is_cut_off(kind: str) -> None:
    """Requests, debug messages and key exchanges without end close the link."""

    async def attack(connection: Any, channel: Any) -> None:
        sends = {
            "global request": lambda: connection._send_global_request(
                b"nonsense@example.com", want_reply=False),
            "channel request": lambda: channel._send_request(b"nonsense", want_reply=False),
            "debug": lambda: connection.send_debug("noise"),
        }
        if kind != "rekey":
            await send_until_closed(sends[kind], connection)
            return
        while not connection.is_closed():
            if connection._kex is None:
                connection._send_kexinit()
                connection._kexinit_sent = True
            await asyncio.sleep(0.001)

    error = asyncio.run(against(attack))
    assert isinstance(error, LinkLostError)
    assert error.kind == "lost/garbage"
    # The second of two key exchanges at once breaks the protocol by itself.
    at_once = kind == "rekey" and "Key exchange already in progress" in error.message
    assert at_once or "floods us with SSH messages" in error.message


def test_usual_keepalives_are_no_flood() -> None:
    """A server may ask now and then whether we live; it gets its answer."""

    async def attack(connection: Any, channel: Any) -> None:
        for _ in range(100):
            await connection._make_global_request(b"keepalive@openssh.com")
            channel.write(b".")

    assert asyncio.run(against(attack)) == b"up\n" + b"." * 100


def test_flood_of_login_banners_is_cut_off() -> None:
    """Before the login, too."""

    class Host(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self.conn = conn

        def begin_auth(self, username: str) -> bool:
            for _ in range(1000):
                self.conn.send_auth_banner("please read this")
            return True

    async def main() -> ConnectError:
        host_key = asyncssh.generate_private_key("ssh-ed25519")
        server = await asyncssh.create_server(Host, "127.0.0.1", 0, server_host_keys=[host_key])
        target = Target(device="dev-1", address="127.0.0.1", port=server.get_port(), user="root",
                        host_keys=(host_key.export_public_key().decode().strip(),))
        async with transport() as ssh:
            with pytest.raises(ConnectError) as caught:
                await ssh.connect(target)
        server.close()
        await server.wait_closed()
        return caught.value

    error = asyncio.run(main())
    assert error.kind == "connect/protocol"
    assert "floods us" in error.message


@pytest.mark.parametrize("kind", ["forwarded-tcpip", "forwarded-streamlocal", "agent", "x11"])
def test_channels_that_a_device_opens_are_refused(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on our side is reachable through the device's connection."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nonexistent")
    monkeypatch.setenv("DISPLAY", "127.0.0.1:0")
    refused = []

    async def attack(connection: Any, channel: Any) -> None:
        factory = asyncssh.SSHTCPSession
        opens = {
            "forwarded-tcpip": lambda: connection.create_connection(factory, "127.0.0.1", 22),
            "forwarded-streamlocal": lambda: connection.create_unix_connection(
                asyncssh.SSHUNIXSession, "/run/agent"),
            "agent": lambda: connection.create_agent_connection(asyncssh.SSHUNIXSession),
            "x11": lambda: connection.create_x11_connection(factory, "", 0),
        }
        try:
            await opens[kind]()
        except asyncssh.ChannelOpenError as exc:
            refused.append(exc.code)

    assert asyncio.run(against(attack)) == b"up\n"
    assert len(refused) == 1


def test_agent_and_x11_are_not_offered() -> None:
    """The session asks for neither, so a device cannot know of them."""
    seen = []

    async def attack(connection: Any, channel: Any) -> None:
        seen.append((connection.get_agent_path(), channel.get_environment(),
                     channel.get_terminal_type()))

    assert asyncio.run(against(attack)) == b"up\n"
    assert seen == [(None, {}, None)]
