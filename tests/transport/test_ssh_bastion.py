"""Devices behind a bastion: fleetrun's transport through real tunnels."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fleetrun.contracts import Hop, Target
from fleetrun.errors import ConnectError, LinkLostError
from tests.support.bastion import RunningBastion, running_bastion
from tests.support.ssh_targets import read_all, run_on, target_of, transport
from tests.support.sshd import KeyFile, SshServer, dropbear_server, free_port, make_key

Keys = Mapping[str, KeyFile]
#: Everything about a bastion or tunnel that is not there is known this soon.
QUICKLY_S = 3.0


@pytest.fixture(scope="session")
def keys(key_folder: Path, ed25519: KeyFile) -> dict[str, KeyFile]:
    """`ops` is who runs fleetrun; the devices dial out with keys of their own."""
    return {"ops": ed25519} | {name: make_key(key_folder, name) for name in ("dev-a", "dev-b")}


@pytest.fixture
def bastion(tmp_path: Path, keys: Keys) -> Iterator[RunningBastion]:
    with running_bastion(
        tmp_path / "bastion",
        devices={name: keys[name].public for name in ("dev-a", "dev-b", )},
        operators={"ops": (keys["ops"].public, "dev-*")}, settings="open_timeout_s = 1",
        tables="[limits]\nkey_burst = 50\n",
    ) as made:
        yield made


def hop_of(bastion: RunningBastion) -> Hop:
    return Hop(host=bastion.address, port=bastion.port, user="ops",
               host_keys=(bastion.host_key.public,), is_bastion=True)


def dead_hop() -> Hop:
    return Hop(host="127.0.0.1", port=free_port("127.0.0.1"), user="ops", is_bastion=True)


def behind(server: SshServer, key: KeyFile, device: str, *hops: Hop) -> Target:
    """A target that only its bastions lead to: its address is nobody's."""
    return target_of(server, key, device=device, address="192.0.2.1", port=9, bastions=hops)


def up(bastion: RunningBastion, *devices: str) -> None:
    for device in devices:
        bastion.wait_for(lambda d=device: (f := bastion.registry.find(d)) and f.forwards)  # type: ignore[misc]


def failure(*attempts: Target) -> ConnectError:
    """The error of connecting to the last target."""

    async def main() -> ConnectError:
        async with transport() as ssh:
            try:
                await ssh.connect(attempts[-1])
            except ConnectError as exc:
                return exc
            raise AssertionError("connected")

    return asyncio.run(main())


@pytest.mark.parametrize("client", ["ssh", "dbclient"])
def test_many_connections_share_one_to_the_bastion(
    server: SshServer, keys: Keys, bastion: RunningBastion, client: str
) -> None:
    """Two devices, four commands at once, one login at the bastion."""
    forward = f"22:127.0.0.1:{server.port}"

    async def main() -> list[bytes]:
        hop = hop_of(bastion)
        async with transport() as ssh, asyncio.TaskGroup() as group:
            runs = [
                group.create_task(run_on(
                    ssh, behind(server, keys["ops"], f"dev-{'ab'[n % 2]}", hop), f"echo {n}"))
                for n in range(4)
            ]
            await asyncio.wait(runs)
        return [run.result()[0] for run in runs]

    with bastion.tunnel(client, keys["dev-a"], forward), \
            bastion.tunnel(client, keys["dev-b"], forward):
        up(bastion, "dev-a", "dev-b")
        assert [f"{n}\n".encode() for n in range(4)] == asyncio.run(main())
    assert 1 == bastion.figure("logins_total", "operator")


def test_megabytes_pass_unharmed_in_both_directions(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """More than all windows together: whoever is slow is waited for."""
    content = os.urandom(1 << 20) * 6

    async def main() -> bytes:
        async with transport() as ssh:
            connection = await ssh.connect(
                behind(openssh, keys["ops"], "dev-a", hop_of(bastion)))
            stream = await connection.open("cat")

            async def send() -> None:
                await stream.write(content)
                await stream.write_eof()

            async with asyncio.TaskGroup() as group:
                group.create_task(send())
                await asyncio.sleep(0.3)  # nobody reads: the sender has to wait
                got = await read_all(stream)
            await connection.close()
            return got

    with bastion.tunnel("ssh", keys["dev-a"], f"22:127.0.0.1:{openssh.port}"):
        up(bastion, "dev-a")
        assert content == asyncio.run(main())


def test_t_01_wrong_device_behind_a_tunnel_gets_no_command(
    openssh: SshServer, keys: Keys, bastion: RunningBastion, tmp_path: Path
) -> None:
    """T-01: another device's host key under this id is refused before anything is sent."""
    forbidden = tmp_path / "ran"
    with dropbear_server(tmp_path, authorized=(keys["ops"].public,)) as other, \
            bastion.tunnel("ssh", keys["dev-a"], f"22:127.0.0.1:{other.port}"):
        up(bastion, "dev-a")

        async def main() -> str:
            async with transport() as ssh:
                try:
                    await run_on(ssh, behind(openssh, keys["ops"], "dev-a", hop_of(bastion)),
                                 f"touch {forbidden}")
                except ConnectError as exc:
                    return exc.kind
                return ""

        assert ("connect/host-key", False) == (asyncio.run(main()), forbidden.exists())
        assert "auth succeeded" not in other.log()


def test_t_16_bastion_with_another_host_key_is_refused_and_named(
    openssh: SshServer, keys: Keys, bastion: RunningBastion, tmp_path: Path
) -> None:
    """T-16: nobody logs in to it, and the error is about the bastion, not the device."""
    hop = Hop(host=bastion.address, port=bastion.port, user="ops",
              host_keys=(keys["dev-b"].public,), is_bastion=True)
    error = failure(behind(openssh, keys["ops"], "dev-a", hop))
    assert ("connect/host-key", True, 0) == (
        error.kind, "bastion 127.0.0.1" in error.message, bastion.figure("logins_total", "operator")
    )


def test_device_without_a_tunnel_is_known_quickly(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """The bastion is there, the device is not."""
    started = time.monotonic()
    error = failure(behind(openssh, keys["ops"], "dev-a", hop_of(bastion)))
    assert ("connect/no-tunnel", True) == (error.kind, error.is_transient)
    assert "dev-a has no tunnel at bastion 127.0.0.1" in error.message
    assert time.monotonic() - started < QUICKLY_S


def test_bastion_that_is_gone_is_named(openssh: SshServer, keys: Keys) -> None:
    """It is no device's fault."""
    hop = dead_hop()
    error = failure(behind(openssh, keys["ops"], "dev-a", hop))
    assert "connect/bastion" == error.kind
    assert error.message.startswith(f"unreachable: bastion 127.0.0.1:{hop.port}: ")


def test_device_outside_the_policy_is_not_tried_again(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """The key may not reach it: an authentication failure, which no retry mends."""
    error = failure(behind(openssh, keys["ops"], "other", hop_of(bastion)))
    assert ("connect/auth", False) == (error.kind, error.is_transient)


def test_t_13_tunnel_that_does_not_answer_is_said_to_be_down(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """T-13: tunnel-down, sooner than any connect timeout."""
    with bastion.tunnel("ssh", keys["dev-a"], f"22:127.0.0.1:{openssh.port}") as client:
        up(bastion, "dev-a")
        os.kill(client.pid, signal.SIGSTOP)
        started = time.monotonic()
        error = failure(behind(openssh, keys["ops"], "dev-a", hop_of(bastion)))
    assert "connect/tunnel-down" == error.kind
    assert time.monotonic() - started < QUICKLY_S


def test_next_bastion_is_tried_when_one_is_gone(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """A device dials two; either will do."""

    async def main() -> bytes:
        async with transport() as ssh:
            target = behind(openssh, keys["ops"], "dev-a", dead_hop(), hop_of(bastion))
            return (await run_on(ssh, target, "echo second"))[0]

    with bastion.tunnel("ssh", keys["dev-a"], f"22:127.0.0.1:{openssh.port}"):
        up(bastion, "dev-a")
        assert b"second\n" == asyncio.run(main())


def test_bastion_that_is_gone_is_named_before_one_without_the_tunnel(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """The device may well be connected to the one that cannot be asked."""
    error = failure(behind(openssh, keys["ops"], "dev-a", hop_of(bastion), dead_hop()))
    assert "connect/bastion" == error.kind


def test_t_17_bastion_that_dies_in_a_task_is_named(
    openssh: SshServer, keys: Keys, bastion: RunningBastion
) -> None:
    """T-17: the loss is the bastion's, for every device behind it."""

    async def main() -> str:
        async with transport() as ssh:
            connection = await ssh.connect(
                behind(openssh, keys["ops"], "dev-a", hop_of(bastion)))
            stream = await connection.open("echo on; sleep 30")
            assert b"on\n" == await stream.read()
            await asyncio.to_thread(bastion.stop)
            try:
                await stream.read()
            except LinkLostError as exc:
                return f"{exc.kind}: {exc.message}"
            finally:
                await connection.close()
            return "ended"

    with bastion.tunnel("ssh", keys["dev-a"], f"22:127.0.0.1:{openssh.port}"):
        up(bastion, "dev-a")
        said = asyncio.run(main())
    assert "lost/bastion: " in said
    assert "lost its bastion, 127.0.0.1" in said
