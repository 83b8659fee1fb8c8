"""Logging in to real servers with every kind of credential."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError
from tests.support.ssh_targets import run_on, target_of, transport
from tests.support.sshd import KeyFile, SshServer, make_key, openssh_server, sign_user_key


async def say_hello(target: Target, **options: object) -> bytes:
    async with transport(**options) as ssh:
        output, status = await run_on(ssh, target, "echo hello")
    assert status == 0
    return output


async def fail_to_connect(target: Target, **options: object) -> ConnectError:
    async with transport(**options) as ssh:
        with pytest.raises(ConnectError) as caught:
            await ssh.connect(target)
    return caught.value


@contextmanager
def running_agent(folder: Path, *keys: KeyFile) -> Iterator[Path]:
    """A real ssh-agent that holds `keys`."""
    socket = folder / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert agent.poll() is None
        for key in keys:
            subprocess.run(["ssh-add", "-q", str(key.path)], check=True, capture_output=True,
                           env={**os.environ, "SSH_AUTH_SOCK": str(socket)})
        yield socket
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_logs_in_with_a_key(server: SshServer, kind: str, request: pytest.FixtureRequest) -> None:
    """Both servers accept both kinds of key."""
    key = request.getfixturevalue(kind)
    assert asyncio.run(say_hello(target_of(server, key))) == b"hello\n"


def test_tries_the_named_keys_in_turn(
    server: SshServer, stranger: KeyFile, ed25519: KeyFile
) -> None:
    """A key the server does not know is followed by the next one."""
    assert asyncio.run(say_hello(target_of(server, stranger, ed25519))) == b"hello\n"


def test_offers_the_key_that_worked_first_on_the_next_device(
    openssh: SshServer, stranger: KeyFile, rsa: KeyFile
) -> None:
    """The second login of a list does not fail on its first key again."""

    async def main() -> list[list[str]]:
        offered = []
        async with transport() as ssh:
            for _ in range(2):
                connection = await ssh.connect(target_of(openssh, stranger, rsa))
                offered.append(connection._link.attempt.offered)
                await connection.close()
        return offered

    assert asyncio.run(main()) == [["id_stranger", "id_rsa"], ["id_rsa"]]


def test_uses_default_keys_when_none_is_named(
    openssh: SshServer, ed25519: KeyFile, empty_home: Path
) -> None:
    """~/.ssh/id_ed25519 is found as ssh finds it."""
    shutil.copy(ed25519.path, empty_home / ".ssh" / "id_ed25519")
    assert asyncio.run(say_hello(target_of(openssh))) == b"hello\n"


def test_logs_in_with_an_agent(
    server: SshServer, stranger: KeyFile, ed25519: KeyFile, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real agent's keys are used when no key is named."""
    with running_agent(tmp_path, stranger, ed25519) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        assert asyncio.run(say_hello(target_of(server), agent=True)) == b"hello\n"


def test_falls_back_to_the_agent_after_named_keys(
    openssh: SshServer, stranger: KeyFile, rsa: KeyFile, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the server refuses the named key, the agent's keys follow."""
    with running_agent(tmp_path, rsa) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        assert asyncio.run(say_hello(target_of(openssh, stranger), agent=True)) == b"hello\n"


def test_agent_that_is_gone_is_no_agent(
    openssh: SshServer, ed25519: KeyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale SSH_AUTH_SOCK neither hangs nor fails a login with a named key."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nobody"))
    assert asyncio.run(say_hello(target_of(openssh, ed25519), agent=True)) == b"hello\n"


def test_asks_once_for_the_passphrase_of_a_key(openssh: SshServer, locked: KeyFile) -> None:
    """Many devices that connect at once share one question."""
    asked = []

    async def ask(path: str) -> str:
        asked.append(path)
        await asyncio.sleep(0.05)
        return "open sesame"

    async def main() -> list[bytes]:
        target = target_of(openssh, locked)
        async with transport(ask_passphrase=ask) as ssh:
            async with asyncio.TaskGroup() as group:
                runs = [group.create_task(run_on(ssh, target, "echo hello")) for _ in range(5)]
            return [run.result()[0] for run in runs]

    assert asyncio.run(main()) == [b"hello\n"] * 5
    assert asked == [str(locked.path)]


def test_asks_again_after_a_wrong_passphrase(openssh: SshServer, locked: KeyFile) -> None:
    """A person may mistype."""
    answers = iter(["wrong", "open sesame"])

    async def ask(path: str) -> str:
        return next(answers)

    assert asyncio.run(say_hello(target_of(openssh, locked), ask_passphrase=ask)) == b"hello\n"


@pytest.mark.parametrize(
    ("answer", "text"), [(None, "no passphrase was given"), ("wrong", "passphrase was wrong")]
)
def test_names_the_key_that_stays_locked(
    openssh: SshServer, locked: KeyFile, answer: str | None, text: str
) -> None:
    """Without the passphrase nothing is contacted and the key is named."""

    async def ask(path: str) -> str | None:
        return answer

    error = asyncio.run(fail_to_connect(target_of(openssh, locked), ask_passphrase=ask))
    assert error.kind == "connect/auth"
    assert str(locked.path) in error.message
    assert text in error.message


def test_takes_a_locked_key_from_the_agent_without_asking(
    openssh: SshServer, locked: KeyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passphrase is not asked for when the agent holds the same key."""
    open_copy = shutil.copy(locked.path, tmp_path / "open")
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "open sesame", "-N", "", "-f", open_copy],
                   check=True, capture_output=True)

    async def ask(path: str) -> str:
        raise AssertionError("asked")

    with running_agent(tmp_path, KeyFile(path=Path(open_copy), public="")) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        target = target_of(openssh, locked)
        assert asyncio.run(say_hello(target, agent=True, ask_passphrase=ask)) == b"hello\n"


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_uses_the_certificate_beside_the_key(tmp_path: Path, kind: str) -> None:
    """A server that only trusts the CA lets the signed key in."""
    ca = make_key(tmp_path, "user_ca")
    key = make_key(tmp_path, "id_signed", kind=kind)
    ca_file = tmp_path / "user_ca.pub"
    options = (f"TrustedUserCAKeys {ca_file}",)
    with openssh_server(tmp_path, options=options) as server:
        sign_user_key(ca, key, server.user)
        assert asyncio.run(say_hello(target_of(server, key))) == b"hello\n"
        assert "ID test-user" in server.log()


def test_wrong_key_is_an_auth_error(server: SshServer, stranger: KeyFile) -> None:
    """The message names the user, the key and what the server accepts."""
    error = asyncio.run(fail_to_connect(target_of(server, stranger)))
    assert error.kind == "connect/auth"
    assert not error.is_transient
    assert f"permission denied for user {server.user}: offered id_stranger" in error.message
    assert "publickey" in error.message
    assert "authorized_keys" in error.hint


def test_no_key_at_all_is_an_auth_error(openssh: SshServer) -> None:
    """With nothing to offer the server is asked, and says no."""
    error = asyncio.run(fail_to_connect(target_of(openssh)))
    assert error.kind == "connect/auth"
    assert "offered no key" in error.message


def test_missing_key_file_is_named(openssh: SshServer, tmp_path: Path) -> None:
    """A path that does not exist is told before anything is contacted."""
    gone = KeyFile(path=tmp_path / "gone", public="")
    error = asyncio.run(fail_to_connect(target_of(openssh, gone)))
    assert error.kind == "connect/auth"
    assert f"private key {tmp_path / 'gone'} cannot be read" in error.message


def test_file_that_is_no_key_is_named(openssh: SshServer, tmp_path: Path) -> None:
    """Any other file is told apart from a locked key."""
    wrong = KeyFile(path=tmp_path / "notes", public="")
    wrong.path.write_text("nothing secret\n", encoding="ascii")
    error = asyncio.run(fail_to_connect(target_of(openssh, wrong)))
    assert error.kind == "connect/auth"
    assert "is not a private key" in error.message
