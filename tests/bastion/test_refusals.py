"""What a device's key must never get, tried with OpenSSH's client (T-03 to T-07)."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.bastion import RunningBastion
from tests.support.sshd import KeyFile, SshServer, free_port

Keys = Mapping[str, KeyFile]


@pytest.mark.parametrize("target", [
    pytest.param("dev-b:22", id="T-03-another-device"),
    pytest.param("127.0.0.1:22", id="T-03-loopback"),
    pytest.param("169.254.169.254:80", id="T-04-metadata"),
    pytest.param("10.0.0.5:5432", id="T-04-internal-network"),
])
def test_device_reaches_nothing_by_w(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer, target: str
) -> None:
    """ssh -W with a device's key is refused, also to a device that is up."""
    with bastion.tunnel("ssh", bastion_keys["dev-b"], f"22:127.0.0.1:{device_sshd.port}"):
        bastion.wait_for(lambda: bastion.registry.find("dev-b"))
        done = bastion.try_ssh(bastion_keys["dev-a"], "-W", target)
    assert "administratively prohibited: policy: a device reaches nothing" in done.stderr


@pytest.mark.parametrize("target", ["127.0.0.1:22", "169.254.169.254:80", "bastion:22"])
def test_operator_reaches_devices_and_nothing_else(
    bastion: RunningBastion, bastion_keys: Keys, target: str
) -> None:
    """T-04: what is no device in the operator's policy is refused, never connected to."""
    done = bastion.try_ssh(bastion_keys["ops"], "-W", target)
    assert "administratively prohibited: policy: ops may not reach" in done.stderr


def test_operator_reaches_only_what_his_policy_names(
    bastion: RunningBastion, bastion_keys: Keys, device_sshd: SshServer
) -> None:
    """The refusal is the same for a device that is up and for one that is not."""
    with bastion.tunnel("ssh", bastion_keys["dev-a"], f"22:127.0.0.1:{device_sshd.port}"):
        bastion.wait_for(lambda: bastion.registry.find("dev-a"))
        texts = [bastion.try_ssh(bastion_keys["guest"], "-W", f"{name}:22").stderr
                 for name in ("dev-a", "dev-z")]
    assert ["policy: guest may not reach port 22 of it" in text for text in texts] == [True, True]


@pytest.mark.parametrize("kind", ["-L", "-D", "socket"])
def test_local_forwards_of_a_device_lead_nowhere(
    bastion: RunningBastion, bastion_keys: Keys, tmp_path: Path, kind: str
) -> None:
    """T-03, T-05: -L, -D and -L to a socket listen on the device, and carry nothing."""
    port = free_port("127.0.0.1")
    words = {
        "-L": ("-L", f"127.0.0.1:{port}:127.0.0.1:22"),
        "-D": ("-D", f"127.0.0.1:{port}"),
        "socket": ("-L", f"127.0.0.1:{port}:/var/run/docker.sock"),
    }[kind]
    command = bastion.ssh(bastion_keys["dev-a"], "-NT", *words)
    hello = b"\x05\x01\x00" if kind == "-D" else b"hello\n"
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            bastion.wait_for(lambda: bastion.registry.find("dev-a"))
            with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
                link.sendall(hello)
                if kind == "-D":
                    link.recv(2)
                    link.sendall(b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x16")
                    link.recv(10)  # the client says yes before it has asked
                got = read_end(link)
        finally:
            process.kill()
    assert b"" == got


def read_end(link: socket.socket) -> bytes:
    try:
        return link.recv(100)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("words", [
    pytest.param(("-T",), id="T-06-shell"),
    pytest.param(("-tt",), id="T-06-pty"),
    pytest.param(("-A", "-T"), id="T-06-agent"),
    pytest.param(("-X", "-T"), id="T-06-x11"),
    pytest.param(("-s", "-T"), id="T-06-sftp"),
    pytest.param(("-T", "exec"), id="T-06-exec"),
])
def test_device_gets_no_session(
    bastion: RunningBastion, bastion_keys: Keys, words: tuple[str, ...]
) -> None:
    """T-06: no kind of session opens for a device."""
    ends = {"-s": ["sftp"], "exec": ["id"]}
    command = bastion.ssh(bastion_keys["dev-a"], *(word for word in words if word != "exec"))
    command += [end for word in words for end in ends.get(word, [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=15, check=False)
    assert (True, "", True) == (done.returncode != 0, done.stdout,
                                "Session refused" in done.stderr)


def test_device_gets_no_tun_device(bastion: RunningBastion, bastion_keys: Keys) -> None:
    """T-06: the request for a tun channel is refused on the wire."""
    import asyncio

    import asyncssh

    async def ask() -> str:
        async with asyncssh.connect(
            bastion.address, bastion.port, known_hosts=None, username="t", config=None,
            client_keys=[str(bastion_keys["dev-a"].path)],
        ) as link:
            try:
                await link.create_tun(asyncssh.SSHTunTapSession)
            except asyncssh.ChannelOpenError as exc:
                return exc.reason
            return "opened"

    assert "opened" != asyncio.run(ask())


@pytest.mark.parametrize("who", ["ops", "dev-a"])
@pytest.mark.parametrize("forward", [
    pytest.param("0.0.0.0:22:127.0.0.1:22", id="T-07-any"),
    pytest.param("*:22:127.0.0.1:22", id="T-07-star"),
    pytest.param("[::]:22:127.0.0.1:22", id="T-07-any-6"),
    pytest.param("dev-b:22:127.0.0.1:22", id="T-07-another-id"),
    pytest.param("8080:127.0.0.1:80", id="T-07-another-port"),
    pytest.param("{tmp}/x.sock:127.0.0.1:22", id="T-05-socket"),
    pytest.param("/var/run/docker.sock:127.0.0.1:22", id="T-05-docker"),
])
def test_forward_that_is_not_the_devices_own_is_refused(
    bastion: RunningBastion, bastion_keys: Keys, tmp_path: Path, who: str, forward: str
) -> None:
    """T-05, T-07: the client is told so, and nothing is made anywhere."""
    done = bastion.try_ssh(bastion_keys[who], "-NT", "-R", forward.format(tmp=tmp_path))
    assert (255, True, False) == (
        done.returncode, "remote port forwarding failed" in done.stderr
        or "remote forward failure" in done.stderr.lower(), (tmp_path / "x.sock").exists())


def test_stranger_is_not_let_in(bastion: RunningBastion, bastion_keys: Keys) -> None:
    """A key that nobody enrolled is refused, whatever user it names."""
    done = bastion.try_ssh(bastion_keys["stranger"], "-NT", "-R", "22:127.0.0.1:22")
    assert (255, True) == (done.returncode, "Permission denied (publickey)" in done.stderr)


def test_signature_counts_not_the_key_that_was_asked_about(
    bastion: RunningBastion, bastion_keys: Keys
) -> None:
    """Asking whether ops' key is known, then signing as dev-a, makes a device."""
    import asyncio

    import asyncssh

    asked = []

    def refuse_to_sign(_content: bytes) -> bytes:
        asked.append("ops")
        raise ValueError("no private key")

    class Asker(asyncssh.SSHClient):
        def __init__(self) -> None:
            ours, theirs = (asyncssh.load_keypairs([str(bastion_keys[name].path)])[0]
                            for name in ("dev-a", "ops"))
            theirs.sign = refuse_to_sign  # type: ignore[method-assign]  # a stolen public key
            self.left = [ours, theirs]

        def public_key_auth_requested(self) -> asyncssh.SSHKeyPair | None:
            return self.left.pop() if self.left else None

    async def ask() -> str:
        link, _ = await asyncssh.create_connection(
            Asker, bastion.address, bastion.port, known_hosts=None, username="ops", config=None,
        )
        async with link:
            try:
                await link.open_connection("dev-b", 22)
            except asyncssh.ChannelOpenError as exc:
                return exc.reason
            return "opened"

    assert "policy: a device reaches nothing" == asyncio.run(ask())
    assert ["ops"] == asked
