"""Vault files go both ways between fleetrun and ansible-vault (`make test-all`)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetrun.cli.main import cli
from fleetrun.loading.vault import VaultSecret, seal
from tests.conformance.test_oracle import ORACLE

pytestmark = pytest.mark.slow

PLAIN = "password: grün ✓\n"


def ansible_vault(folder: Path, *words: str) -> str:
    """What ansible-vault prints, run in `folder`."""
    command = [str(ORACLE / "bin" / "ansible-vault"), *words, "--vault-password-file", "pw"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def test_ansible_vault_reads_what_fleetrun_wrote(tmp_path: Path) -> None:
    """The plain text comes back byte for byte."""
    (tmp_path / "pw").write_text("open sesame\n", encoding="utf-8")
    sealed = seal(PLAIN.encode(), VaultSecret("default", b"open sesame"))
    (tmp_path / "v.yml").write_text(sealed, encoding="utf-8")

    assert PLAIN == ansible_vault(tmp_path, "view", "v.yml")


def test_fleetrun_reads_what_ansible_vault_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fleetrun vault view` shows the plain text byte for byte."""
    (tmp_path / "pw").write_text("open sesame\n", encoding="utf-8")
    (tmp_path / "v.yml").write_text(PLAIN, encoding="utf-8")
    ansible_vault(tmp_path, "encrypt", "v.yml")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(cli, ["vault", "view", "v.yml", "--vault-password-file", "pw"])

    assert (tmp_path / "v.yml").read_text("utf-8").startswith("$ANSIBLE_VAULT;")
    assert (done.exit_code, done.stdout) == (0, PLAIN)
