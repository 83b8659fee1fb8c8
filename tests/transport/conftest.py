"""Servers that the transport's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sshd import KeyFile, SshServer, dropbear_server, make_key, openssh_server


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and no agent."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture(scope="session")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def ed25519(key_folder: Path) -> KeyFile:
    return make_key(key_folder)


@pytest.fixture(scope="session")
def rsa(key_folder: Path) -> KeyFile:
    return make_key(key_folder, "id_rsa", kind="rsa")


@pytest.fixture(scope="session")
def locked(key_folder: Path) -> KeyFile:
    """A key with the passphrase "open sesame"."""
    return make_key(key_folder, "id_locked", passphrase="open sesame")


@pytest.fixture(scope="session")
def stranger(key_folder: Path) -> KeyFile:
    """A key that no server accepts."""
    return make_key(key_folder, "id_stranger")


@pytest.fixture(scope="session")
def accepted(ed25519: KeyFile, rsa: KeyFile, locked: KeyFile) -> tuple[str, ...]:
    return (ed25519.public, rsa.public, locked.public)


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory, accepted: tuple[str, ...]
            ) -> Iterator[SshServer]:
    with openssh_server(tmp_path_factory.mktemp("s"), authorized=accepted) as server:
        yield server


@pytest.fixture(scope="session")
def dropbear(tmp_path_factory: pytest.TempPathFactory, accepted: tuple[str, ...]
             ) -> Iterator[SshServer]:
    with dropbear_server(tmp_path_factory.mktemp("s"), authorized=accepted) as server:
        yield server


@pytest.fixture(params=["openssh", "dropbear"])
def server(request: pytest.FixtureRequest) -> SshServer:
    """Each of the two servers in turn."""
    found: SshServer = request.getfixturevalue(request.param)
    return found
