"""Fixtures for end-to-end tests on real SSH servers; import them by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sshd import (
    KeyFile,
    SshServer,
    dropbear_server,
    free_port,
    make_key,
    openssh_server,
)


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own for the operator, and no agent."""
    home = tmp_path / "operator"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def key(folder: Path) -> KeyFile:
    return make_key(folder)


@pytest.fixture(scope="module")
def rsa(folder: Path) -> KeyFile:
    return make_key(folder, "id_rsa", kind="rsa")


@pytest.fixture(scope="module")
def locked(folder: Path) -> KeyFile:
    """A key with the passphrase "open sesame"."""
    return make_key(folder, "id_locked", passphrase="open sesame")


@pytest.fixture(scope="module")
def accepted(key: KeyFile, rsa: KeyFile, locked: KeyFile) -> tuple[str, ...]:
    return (key.public, rsa.public, locked.public)


@pytest.fixture(scope="module")
def openssh(folder: Path, accepted: tuple[str, ...]) -> Iterator[SshServer]:
    """OpenSSH on two addresses; its user's home is a folder of the test."""
    home = folder / "openssh-home"
    home.mkdir()
    port = free_port("127.0.0.1")
    options = (f"SetEnv SHLVL=9 HOME={home}", f"ListenAddress 127.0.0.2:{port}")
    with openssh_server(folder, authorized=accepted, options=options, port=port) as server:
        yield server


@pytest.fixture(scope="module")
def dropbear(folder: Path, accepted: tuple[str, ...]) -> Iterator[SshServer]:
    """Dropbear on two addresses."""
    port = free_port("127.0.0.1")
    options = ("-p", f"127.0.0.2:{port}")
    with dropbear_server(folder, authorized=accepted, options=options, port=port) as server:
        yield server


@pytest.fixture(params=["openssh", "dropbear"])
def server(request: pytest.FixtureRequest) -> SshServer:
    """Each of the two servers in turn."""
    found: SshServer = request.getfixturevalue(request.param)
    return found


