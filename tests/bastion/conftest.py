"""Keys and one SSH server that stands for all devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bastion import RunningBastion, running_bastion
from tests.support.sshd import KeyFile, SshServer, make_key, openssh_server


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and no agent."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture(scope="session")
def bastion_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyFile]:
    """A key for each of two devices, two operators, and a stranger."""
    folder = tmp_path_factory.mktemp("bastion-keys")
    names = ("dev-a", "dev-b", "ops", "guest", "stranger")
    return {name: make_key(folder, name) for name in names}


@pytest.fixture(scope="session")
def device_sshd(
    tmp_path_factory: pytest.TempPathFactory, bastion_keys: dict[str, KeyFile]
) -> Iterator[SshServer]:
    """The SSH server that tunnels lead to."""
    with openssh_server(tmp_path_factory.mktemp("s"),
                        authorized=(bastion_keys["ops"].public,)) as server:
        yield server


@pytest.fixture
def bastion(tmp_path: Path, bastion_keys: dict[str, KeyFile]) -> Iterator[RunningBastion]:
    """Knows dev-a and dev-b; ops reaches both, guest only dev-b."""
    with running_bastion(
        tmp_path / "bastion",
        devices={name: bastion_keys[name].public for name in ("dev-a", "dev-b")},
        operators={"ops": (bastion_keys["ops"].public, "dev-*"),
                   "guest": (bastion_keys["guest"].public, "dev-b")},
        settings="open_timeout_s = 1.5",
        tables="[limits]\nkey_burst = 50\n",
    ) as made:
        yield made
