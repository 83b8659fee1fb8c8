"""Jump hosts are shared; ~/.ssh/config is honoured when asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetrun.contracts import Hop, Target
from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.transport.sshconfig import _parse_jumps
from tests.support.ssh_targets import known_hosts_line, read_all, run_on, target_of, transport
from tests.support.sshd import KeyFile, SshServer, free_port, openssh_server


@pytest.fixture
def jump_host(tmp_path: Path, ed25519: KeyFile) -> Iterator[SshServer]:
    with openssh_server(tmp_path, address="127.0.0.2", authorized=(ed25519.public,)) as server:
        yield server


@pytest.fixture
def second_jump(tmp_path: Path, ed25519: KeyFile) -> Iterator[SshServer]:
    with openssh_server(tmp_path, address="127.0.0.3", authorized=(ed25519.public,)) as server:
        yield server


def behind(server: SshServer, key: KeyFile, folder: Path, *hops: SshServer,
           **changes: object) -> Target:
    """A target behind `hops`, whose host keys stand in a file."""
    file = folder / "jump_hosts"
    file.write_text("".join(
        known_hosts_line([f"[{hop.address}]:{hop.port}"], hop.host_key_line) for hop in hops
    ), encoding="ascii")
    jumps = tuple(Hop(host=hop.address, port=hop.port, user=hop.user) for hop in hops)
    return target_of(server, key, **({"jumps": jumps, "known_hosts": (str(file),)} | changes))


def connections(server: SshServer) -> int:
    return server.log().count("Accepted publickey")


def test_runs_through_one_jump_host(
    server: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """The device sees a connection that comes from the jump host."""

    async def main() -> bytes:
        async with transport() as ssh:
            target = behind(server, ed25519, tmp_path, jump_host)
            return (await run_on(ssh, target, "echo hello"))[0]

    assert asyncio.run(main()) == b"hello\n"
    assert connections(jump_host) == 1


def test_many_devices_share_one_chain(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, second_jump: SshServer,
    tmp_path: Path,
) -> None:
    """Twenty devices at once through two hops cost one login at each hop."""

    async def main() -> list[bytes]:
        target = behind(openssh, ed25519, tmp_path, jump_host, second_jump)
        async with transport() as ssh, asyncio.TaskGroup() as group:
            runs = [group.create_task(run_on(ssh, target, f"echo {n}")) for n in range(20)]
            await asyncio.wait(runs)
        return [run.result()[0] for run in runs]

    assert asyncio.run(main()) == [f"{n}\n".encode() for n in range(20)]
    assert (connections(jump_host), connections(second_jump)) == (1, 1)


def test_jump_host_that_died_is_connected_again(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """Devices behind it lose their link; the next use makes a new chain."""

    async def main() -> tuple[str, bytes]:
        target = behind(openssh, ed25519, tmp_path, jump_host)
        async with transport() as ssh:
            connection = await ssh.connect(target)
            stream = await connection.open("echo up; sleep 60")
            assert await stream.read() == b"up\n"
            jump_host.kill_sessions()
            with pytest.raises(LinkLostError) as caught:
                await read_all(stream)
            await connection.close()
            return caught.value.kind, (await run_on(ssh, target, "echo again"))[0]

    kind, output = asyncio.run(main())
    assert kind.startswith("lost/")
    assert output == b"again\n"
    assert connections(jump_host) == 2


def test_says_which_hop_failed(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """All who wait for a dead second hop get its name and the cause."""
    dead = Hop(host="127.0.0.3", port=free_port("127.0.0.3"))

    async def main() -> list[ConnectError]:
        first = Hop(host=jump_host.address, port=jump_host.port)
        target = behind(openssh, ed25519, tmp_path, jump_host, jumps=(first, dead))
        async with transport() as ssh:
            results = await asyncio.gather(
                *(ssh.connect(target) for _ in range(3)), return_exceptions=True
            )
        return [result for result in results if isinstance(result, ConnectError)]

    errors = asyncio.run(main())
    assert [error.kind for error in errors] == ["connect/refused"] * 3
    assert errors[0].message.startswith("jump host 127.0.0.3 (hop 2 of 2): ")
    assert "refused" in errors[0].message


def test_says_that_the_jump_host_cannot_reach_the_device(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """The device's error is the device's, in the jump host's words."""

    async def main() -> ConnectError:
        target = behind(openssh, ed25519, tmp_path, jump_host, port=free_port("127.0.0.1"))
        async with transport() as ssh:
            with pytest.raises(ConnectError) as caught:
                await ssh.connect(target)
            return caught.value

    error = asyncio.run(main())
    assert error.kind == "connect/refused"
    assert "the jump host could not connect" in error.message


def test_unknown_jump_host_key_is_refused(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """A jump host is checked as strictly as a device."""

    async def main() -> ConnectError:
        target = behind(openssh, ed25519, tmp_path, jump_host, known_hosts=())
        async with transport() as ssh:
            with pytest.raises(ConnectError) as caught:
                await ssh.connect(target)
            return caught.value

    error = asyncio.run(main())
    assert error.kind == "connect/host-key"
    assert error.message.startswith("jump host 127.0.0.2 (hop 1 of 1): ")
    assert connections(jump_host) == 0


def test_ssh_config_is_honoured_when_asked(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, empty_home: Path, tmp_path: Path
) -> None:
    """HostName, Port, User, IdentityFile and ProxyJump come from the file."""
    config = empty_home / ".ssh" / "config"
    config.write_text(
        f"Host gw\n HostName {openssh.address}\n Port {openssh.port}\n User {openssh.user}\n"
        f" IdentityFile {ed25519.path}\n ProxyJump door\n"
        f"Host door\n HostName {jump_host.address}\n Port {jump_host.port}\n"
        f" User {jump_host.user}\n IdentityFile {ed25519.path}\n", encoding="ascii",
    )
    hosts = tmp_path / "kh"
    hosts.write_text(known_hosts_line(["door"], jump_host.host_key_line), encoding="ascii")
    target = Target(device="dev-1", address="gw", host_keys=(openssh.host_key_line,),
                    known_hosts=(str(hosts),), use_ssh_config=True)

    async def main() -> bytes:
        async with transport() as ssh:
            return (await run_on(ssh, target, "echo hello"))[0]

    assert asyncio.run(main()) == b"hello\n"
    assert connections(jump_host) == 1


def test_ssh_config_is_ignored_unless_asked(
    openssh: SshServer, ed25519: KeyFile, empty_home: Path
) -> None:
    """A person's own file does not change what a run does."""
    config = empty_home / ".ssh" / "config"
    config.write_text("Host *\n User nobody-here\n Port 1\n HostName 127.9.9.9\n",
                      encoding="ascii")

    async def main() -> bytes:
        async with transport() as ssh:
            return (await run_on(ssh, target_of(openssh, ed25519), "echo hello"))[0]

    assert asyncio.run(main()) == b"hello\n"


def test_broken_ssh_config_is_told(
    openssh: SshServer, ed25519: KeyFile, empty_home: Path
) -> None:
    """The file is named, not taken for an unreachable device."""
    config = empty_home / ".ssh" / "config"
    config.write_text("Host *\n Port many\n", encoding="ascii")

    async def main() -> ConnectError:
        async with transport() as ssh:
            with pytest.raises(ConnectError) as caught:
                await ssh.connect(target_of(openssh, ed25519, use_ssh_config=True))
            return caught.value

    error = asyncio.run(main())
    assert "cannot use" in error.message
    assert ".ssh/config line 2" in error.message


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("", ()),
        (None, ()),
        ("b1", (Hop(host="b1"),)),
        ("me@b1:2222,b2", (Hop(host="b1", port=2222, user="me"), Hop(host="b2"))),
        ("me@[2001:db8::1]:2222", (Hop(host="2001:db8::1", port=2222, user="me"),)),
        ("2001:db8::1", (Hop(host="2001:db8::1"),)),
    ],
)
def test_proxy_jump_is_read_as_ssh_reads_it(text: str | None, hops: tuple[Hop, ...]) -> None:
    """Users, ports and IPv6 addresses."""
    assert _parse_jumps(text) == hops


def test_device_that_does_not_answer_the_jump_host_times_out(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """The connect timeout counts through jump hosts; other devices are not held up."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        dead = listener.getsockname()[1]
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", dead))

        async def main() -> tuple[ConnectError, bytes]:
            target = behind(openssh, ed25519, tmp_path, jump_host)
            async with transport() as ssh:
                await run_on(ssh, target, "true")
                with pytest.raises(ConnectError) as caught:
                    await ssh.connect(replace(target, port=dead, connect_timeout_s=0.5))
                return caught.value, (await run_on(ssh, target, "echo hello"))[0]

        error, output = asyncio.run(main())
    assert error.kind == "connect/timeout"
    assert output == b"hello\n"


def test_cancelled_waiter_does_not_stop_the_others(
    openssh: SshServer, ed25519: KeyFile, jump_host: SshServer, tmp_path: Path
) -> None:
    """The device that came first may give up; the shared chain is still made."""

    async def main() -> bytes:
        target = behind(openssh, ed25519, tmp_path, jump_host)
        async with transport() as ssh:
            first = asyncio.create_task(ssh.connect(target))
            second = asyncio.create_task(run_on(ssh, target, "echo hello"))
            await asyncio.sleep(0.01)
            first.cancel()
            return (await second)[0]

    assert asyncio.run(main()) == b"hello\n"
    assert connections(jump_host) == 1
