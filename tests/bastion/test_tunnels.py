"""Stock clients dial in; operators dial devices by their ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.bastion import RunningBastion, running_bastion
from tests.support.sshd import KeyFile, SshServer, make_key, sign_user_key

Keys = Mapping[str, KeyFile]


def echo(bastion: RunningBastion, keys: Keys, server: SshServer, device: str = "dev-a",
         who: str = "ops") -> str:
    """Runs echo on `device` through the bastion; returns its output, or the errors."""
    done = bastion.run_through(keys[who], device, keys["ops"], server.user,
                               server.host_key_line, "echo through")
    return done.stdout or done.stderr


@pytest.mark.parametrize(("client", "form"), [
    ("ssh", "22:127.0.0.1:{port}"),
    ("ssh", "dev-a:22:127.0.0.1:{port}"),
    ("ssh", "localhost:22:127.0.0.1:{port}"),
    ("ssh", "0:127.0.0.1:{port}"),
    ("ssh", "/run/fleetrun/dev-a.sock:127.0.0.1:{port}"),
    ("dbclient", "22:127.0.0.1:{port}"),
    ("dbclient", "dev-a:22:127.0.0.1:{port}"),
    ("dbclient", "0:127.0.0.1:{port}"),
])
def test_every_form_of_a_stock_client_is_reached(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer, client: str, form: str
) -> None:
    """Whatever the client asks to forward, device-id:22 reaches its SSH server."""
    forward = form.format(port=device_sshd.port)
    with bastion.tunnel(client, bastion_keys["dev-a"], forward):
        bastion.wait_for(lambda: (found := bastion.registry.find("dev-a")) and found.forwards)
        assert "through\n" == echo(bastion, bastion_keys, device_sshd)


def test_no_port_is_bound_for_a_tunnel(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """With a device connected, this process listens where it did before."""
    before = listening()
    with bastion.tunnel("ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"):
        bastion.wait_for(lambda: (found := bastion.registry.find("dev-a")) and found.forwards)
        assert before == listening()


def listening() -> set[str]:
    """Local addresses of this process's own listening TCP sockets, in hex."""
    own = {link.name for link in Path("/proc/self/fd").iterdir()}
    inodes = set()
    for number in own:
        try:
            target = Path(f"/proc/self/fd/{number}").readlink()
        except OSError:
            continue
        if str(target).startswith("socket:["):
            inodes.add(str(target)[8:-1])
    rows = [line.split() for name in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}


def test_seven_devices_share_the_virtual_port_22(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """A virtual port belongs to its device, so all may ask for the same one."""
    keys = {f"dev-{n}": make_key(tmp_path, f"dev-{n}") for n in range(7)}
    with running_bastion(
        tmp_path / "b", devices={name: key.public for name, key in keys.items()},
        operators={"ops": (bastion_keys["ops"].public, "*")},
    ) as bastion, ExitStack() as stack:
        for number, (_, key) in enumerate(keys.items()):
            client = "dbclient" if number % 2 else "ssh"
            stack.enter_context(bastion.tunnel(client, key, f"22:127.0.0.1:{device_sshd.port}"))
        bastion.wait_for(lambda: len(bastion.registry) == 7)
        assert ["through\n"] * 7 == [
            echo(bastion, bastion_keys, device_sshd, name) for name in keys
        ]


def test_dial_waits_for_a_device_that_has_just_logged_in(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """Between login and forward a device is coming, not missing."""
    with bastion.tunnel("ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"):
        bastion.wait_for(lambda: bastion.registry.find("dev-a"))
        assert "through\n" == echo(bastion, bastion_keys, device_sshd)


def test_device_without_a_tunnel_is_said_to_have_none(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """The reason starts with a word that programs can read."""
    assert "no-tunnel: the device is not connected" in echo(bastion, bastion_keys, device_sshd)


def test_device_whose_sshd_is_down_is_told_from_one_without_a_tunnel(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """The tunnel is up, what it leads to is not."""
    with bastion.tunnel("ssh", bastion_keys["dev-a"], "22:127.0.0.1:1"):
        bastion.wait_for(lambda: (found := bastion.registry.find("dev-a")) and found.forwards)
        assert "device: its SSH server does not answer" in echo(
            bastion, bastion_keys, device_sshd)


def test_certificate_with_the_id_as_principal_is_that_device(
    tmp_path: Path, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """A key that nobody enrolled gets in by its CA's signature, as the one id it names."""
    ca, good, wide = (make_key(tmp_path, name) for name in ("ca", "good", "wide"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "ca.pub").write_text(ca.public + "\n", encoding="ascii")
    sign_user_key(ca, good, "dev-a")
    sign_user_key(ca, wide, "dev-a", "dev-b")
    with running_bastion(
        tmp_path / "b", devices={}, operators={"ops": (bastion_keys["ops"].public, "dev-*")},
        settings='device_ca = "ca.pub"',
    ) as bastion:
        forward = f"22:127.0.0.1:{device_sshd.port}"
        with bastion.tunnel("ssh", good, forward):
            bastion.wait_for(lambda: bastion.registry.find("dev-a"))
            assert "through\n" == echo(bastion, bastion_keys, device_sshd)
        refused = bastion.try_ssh(wide, "-NT", "-R", forward)
    assert (255, True) == (refused.returncode, "Permission denied" in refused.stderr)


def test_operator_reads_the_presence_of_the_devices_he_reaches(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """guest may reach dev-b alone, so dev-a is not shown to him."""
    forward = f"22:127.0.0.1:{device_sshd.port}"
    with bastion.tunnel("ssh", bastion_keys["dev-a"], forward), \
            bastion.tunnel("dbclient", bastion_keys["dev-b"], forward):
        bastion.wait_for(lambda: len(bastion.registry) == 2)
        shown = {
            who: sorted(json.loads(line)["device"] for line in subprocess_output(
                bastion, bastion_keys[who]).splitlines())
            for who in ("ops", "guest")
        }
    assert {"ops": ["dev-a", "dev-b"], "guest": ["dev-b"]} == shown


def subprocess_output(bastion: RunningBastion, key: KeyFile) -> str:
    import subprocess

    return subprocess.run(
        [*bastion.ssh(key, "-T"), "presence"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=15, check=True,
    ).stdout
