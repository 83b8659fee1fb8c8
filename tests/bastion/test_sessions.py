"""Sessions that come twice, die silently, lose their key, or come in crowds."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.support.bastion import RunningBastion, running_bastion
from tests.support.sshd import KeyFile, SshServer, make_key

Keys = Mapping[str, KeyFile]


def is_up(bastion: RunningBastion, device: str) -> bool:
    """True when `device` has a tunnel that forwards."""
    found = bastion.registry.find(device)
    return found is not None and bool(found.forwards)


def test_newest_session_wins_and_the_old_ones_end_does_not_remove_it(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """The second client takes over at once; the first is told to go."""
    forward = f"22:127.0.0.1:{device_sshd.port}"
    with bastion.tunnel("ssh", bastion_keys["dev-a"], forward) as old:
        bastion.wait_for(lambda: is_up(bastion, "dev-a"))
        first = bastion.registry.find("dev-a")
        assert first is not None
        with bastion.tunnel("ssh", bastion_keys["dev-a"], forward):
            assert old.wait(10) == 255
            bastion.wait_for(lambda: is_up(bastion, "dev-a"))
            second = bastion.registry.find("dev-a")
            assert second is not None
            assert second.generation > first.generation
            assert 1 == bastion.figure("replaced_total")


def test_frozen_client_is_replaced_before_any_timeout(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """A session that is stopped, as behind a dead link, holds nothing."""
    forward = f"22:127.0.0.1:{device_sshd.port}"
    with bastion.tunnel("ssh", bastion_keys["dev-a"], forward) as old:
        bastion.wait_for(lambda: is_up(bastion, "dev-a"))
        os.kill(old.pid, signal.SIGSTOP)
        started = time.monotonic()
        with bastion.tunnel("dbclient", bastion_keys["dev-a"], forward):
            bastion.wait_for(lambda: bastion.figure("replaced_total"))
            bastion.wait_for(lambda: is_up(bastion, "dev-a"))
            done = bastion.run_through(bastion_keys["ops"], "dev-a", bastion_keys["ops"],
                                       device_sshd.user, device_sshd.host_key_line, "echo new")
    assert "new\n" == done.stdout
    assert time.monotonic() - started < 10


def test_t_13_half_open_tunnel_is_evicted(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """T-13: gone within interval x (count + 1); a dial meanwhile hears tunnel-down."""
    with running_bastion(
        tmp_path / "b", devices={"dev-a": bastion_keys["dev-a"].public},
        operators={"ops": (bastion_keys["ops"].public, "*")},
        settings="keepalive_s = 0.5\nkeepalive_count = 3\nopen_timeout_s = 0.5",
    ) as bastion, bastion.tunnel(
        "ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"
    ) as client:
        bastion.wait_for(lambda: is_up(bastion, "dev-a"))
        os.kill(client.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        said = bastion.try_ssh(bastion_keys["ops"], "-W", "dev-a:22").stderr
        bastion.wait_for(lambda: bastion.registry.find("dev-a") is None)
        gone_s = time.monotonic() - stopped
    assert "tunnel-down" in said
    assert gone_s < 0.5 * 4 + 2


def test_removed_key_is_out_within_five_seconds(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """Its tunnel closes, it does not get in again, and the other device stays."""
    forward = f"22:127.0.0.1:{device_sshd.port}"
    with bastion.tunnel("ssh", bastion_keys["dev-a"], forward) as gone, \
            bastion.tunnel("ssh", bastion_keys["dev-b"], forward):
        bastion.wait_for(lambda: is_up(bastion, "dev-a") and is_up(bastion, "dev-b"))
        (bastion.folder / "devices" / "dev-a.pub").unlink()
        bastion.wait_for(lambda: bastion.registry.find("dev-a") is None, timeout_s=5)
        assert 255 == gone.wait(5)
        again = bastion.try_ssh(bastion_keys["dev-a"], "-NT", "-R", forward)
        assert (255, True) == (again.returncode, is_up(bastion, "dev-b"))


def test_revoked_id_is_out_and_a_file_that_cannot_be_read_changes_nothing(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """`revoked` takes ids; a broken key file leaves everybody where he is."""
    with running_bastion(
        tmp_path / "b", devices={name: bastion_keys[name].public for name in ("dev-a", "dev-b")},
        operators={}, settings='revoked = "revoked"',
    ) as bastion, ExitStack() as stack:
        for name in ("dev-a", "dev-b"):
            stack.enter_context(bastion.tunnel("ssh", bastion_keys[name], "22:127.0.0.1:1"))
        bastion.wait_for(lambda: len(bastion.registry) == 2)
        broken = bastion.folder / "devices" / "dev-z.pub"
        broken.write_text("no key\n", encoding="ascii")
        bastion.wait_for(lambda: "reload-failed" in bastion.audit(), timeout_s=5)
        assert 2 == len(bastion.registry)
        broken.unlink()
        (bastion.folder / "revoked").write_text("dev-a\n", encoding="ascii")
        bastion.wait_for(lambda: bastion.registry.find("dev-a") is None, timeout_s=5)
        assert is_up(bastion, "dev-b")


def test_t_15_one_bad_key_does_not_lock_out_its_site(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """T-15: from the address of a device that fails all the time, all others get in."""
    keys = {f"dev-{n}": make_key(tmp_path, f"dev-{n}") for n in range(8)}
    with running_bastion(
        tmp_path / "b", devices={name: key.public for name, key in keys.items()}, operators={},
    ) as bastion, ExitStack() as stack:
        for _ in range(14):
            bastion.try_ssh(bastion_keys["stranger"], "-NT")
        for key in keys.values():
            stack.enter_context(bastion.tunnel("ssh", key, "22:127.0.0.1:1"))
        bastion.wait_for(lambda: len(bastion.registry) == len(keys))
        assert bastion.figure("login_failures_total", "key-rate") > 0


def test_t_11_flood_of_connections_leaves_tunnels_alive(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """T-11: unauthenticated connections are capped by source, and dials go on."""
    with running_bastion(
        tmp_path / "b", devices={"dev-a": bastion_keys["dev-a"].public},
        operators={"ops": (bastion_keys["ops"].public, "*")},
        tables="[limits]\npending_per_source = 40\n",
    ) as bastion, bastion.tunnel(
        "ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"
    ), subprocess.Popen(
        [*bastion.ssh(bastion_keys["ops"], "-T"), "presence --watch"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    ) as watcher:
        bastion.wait_for(lambda: is_up(bastion, "dev-a") and bastion.figure(
            "logins_total", "operator"))
        links = [socket.socket() for _ in range(500)]
        try:
            for link in links:
                link.setblocking(False)
                link.connect_ex((bastion.address, bastion.port))
            bastion.wait_for(lambda: bastion.figure("refused_total", "source-pending") > 100)
            assert bastion.bastion is not None
            pending = bastion.bastion.admission.pending
            answer = latency_s(bastion, lambda: is_up(bastion, "dev-a"))
        finally:
            for link in links:
                link.close()
            watcher.kill()
    assert pending <= 40
    assert answer < 0.5


def latency_s(bastion: RunningBastion, check: Callable[[], bool]) -> float:
    """How long the bastion's loop takes to do something, in the middle of it all."""
    import asyncio

    async def look() -> bool:
        return check()

    started = time.monotonic()
    assert asyncio.run_coroutine_threadsafe(look(), bastion.loop).result(10)
    return time.monotonic() - started


def test_device_that_comes_too_often_is_slowed_down(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """A client in a tight loop meets the rate of its own key."""
    with running_bastion(
        tmp_path / "b", devices={"dev-a": bastion_keys["dev-a"].public}, operators={},
        tables="[limits]\nkey_burst = 2\nkey_per_s = 0.01\n",
    ) as bastion:
        codes = [bastion.try_ssh(bastion_keys["dev-a"], "-T").stderr for _ in range(3)]
    assert [False, False, True] == ["Permission denied" in text for text in codes]


def test_caps_on_forwards_hold(bastion: RunningBastion, bastion_keys: Keys) -> None:
    """A ninth forward is refused, and with it the client that insists on it."""
    flags = [word for n in range(9) for word in ("-R", f"0:127.0.0.1:{22 + n}")]
    done = bastion.try_ssh(bastion_keys["dev-a"], "-NT", *flags)
    assert 255 == done.returncode
    assert "more than 8 forwards" in bastion.audit()
