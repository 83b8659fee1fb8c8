"""`fleetrun vault`: files stay whole, and no plain text is left on a disk."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetrun.cli.main import main
from fleetrun.loading.vault import Vault, VaultSecret, is_sealed

SECRET = "canary-9f3c1d"  # looked for on the disk
Run = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two passwords, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pw").write_text("one\n", encoding="utf-8")
    (tmp_path / "pw2").write_text("two\n", encoding="utf-8")
    for name in ("ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def vault(verb: str, *words: str, password: str = "pw") -> int:
    """Runs a verb with the password file."""
    return main(["vault", verb, "--vault-password-file", password, *words])


def editor(folder: Path, script: str) -> str:
    """An editor that does what `script` says with "$1"."""
    path = folder / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def plain(path: Path, password: bytes = b"one") -> bytes:
    """What a file holds."""
    return Vault([VaultSecret("default", password)]).open(path.read_bytes())


def test_a_file_is_encrypted_and_decrypted_in_place(folder: Path) -> None:
    """Afterwards only its owner can read it."""
    path = folder / "a.yml"
    path.write_text(SECRET, encoding="utf-8")
    assert vault("encrypt", "a.yml") == 0
    assert (is_sealed(path.read_bytes()), plain(path)) == (True, SECRET.encode())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert vault("decrypt", "a.yml") == 0
    assert path.read_text(encoding="utf-8") == SECRET


def test_of_several_files_none_is_changed_when_one_is_wrong(folder: Path) -> None:
    """The first was fine and is as it was."""
    (folder / "a").write_text("a", encoding="utf-8")
    vault("encrypt", "a")
    before = (folder / "a").read_bytes()
    (folder / "b").write_text("not encrypted", encoding="utf-8")
    assert vault("decrypt", "a", "b") == 2
    assert (folder / "a").read_bytes() == before


def test_a_wrong_password_shows_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with the file's name."""
    (folder / "a").write_text(SECRET, encoding="utf-8")
    vault("encrypt", "a")
    before = (folder / "a").read_bytes()
    for verb in ("decrypt", "view", "edit", "rekey"):
        words = ("--new-vault-password-file", "pw") if verb == "rekey" else ()
        assert vault(verb, "a", *words, password="pw2") == 2
        said = capsys.readouterr()
        assert "a:1" in said.err
        assert SECRET not in said.out + said.err
    assert (folder / "a").read_bytes() == before


def test_a_link_stays_a_link(folder: Path) -> None:
    """What it points at is encrypted."""
    (folder / "real").write_text("x", encoding="utf-8")
    (folder / "link").symlink_to("real")
    vault("encrypt", "link")
    assert (folder / "link").is_symlink()
    assert plain(folder / "real") == b"x"


def test_another_password_opens_after_rekey_and_the_old_one_does_not(folder: Path) -> None:
    """The new label is in the header."""
    (folder / "a").write_text("x", encoding="utf-8")
    vault("encrypt", "a")
    assert vault("rekey", "a", "--new-vault-id", "prod@pw2") == 0
    assert (folder / "a").read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert plain(folder / "a", b"two") == b"x"
    assert vault("view", "a") == 2


def test_with_several_ids_one_must_be_chosen(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Encrypting with the wrong one would lock the others out."""
    (folder / "a").write_text("x", encoding="utf-8")
    ids = ["--vault-id", "dev@pw", "--vault-id", "prod@pw2"]
    assert main(["vault", "encrypt", "a", *ids]) == 2
    assert "--encrypt-vault-id" in capsys.readouterr().err
    assert main(["vault", "encrypt", "a", *ids, "--encrypt-vault-id", "prod"]) == 0
    assert plain(folder / "a", b"two") == b"x"


def test_edit_writes_only_what_was_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that changes nothing leaves the very bytes."""
    (folder / "a.yml").write_text("x\n", encoding="utf-8")
    vault("encrypt", "a.yml")
    before = (folder / "a.yml").read_bytes()
    monkeypatch.setenv("EDITOR", editor(folder, "true"))
    assert vault("edit", "a.yml") == 0
    assert (folder / "a.yml").read_bytes() == before
    monkeypatch.setenv("EDITOR", editor(folder, 'case $1 in *.yml) echo y >> "$1";; esac'))
    assert vault("edit", "a.yml") == 0
    assert plain(folder / "a.yml") == b"x\ny\n"


def test_an_editor_that_fails_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one that is not there."""
    (folder / "a").write_text("x", encoding="utf-8")
    vault("encrypt", "a")
    for words in (editor(folder, 'echo z > "$1"; exit 1'), "/nowhere/editor"):
        monkeypatch.setenv("EDITOR", words)
        assert vault("edit", "a") == 2
        assert plain(folder / "a") == b"x"


def test_create_needs_a_terminal_or_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And never writes over a file."""
    monkeypatch.setenv("EDITOR", editor(folder, 'echo new > "$1"'))
    assert vault("create", "a") == 2
    assert vault("create", "a", "--skip-tty-check") == 0
    assert plain(folder / "a") == b"new\n"
    assert vault("create", "a", "--skip-tty-check") == 2


def test_strings_are_encrypted_as_yaml(folder: Path) -> None:
    """A variable's name, and ten spaces, as ansible-vault writes it."""
    words = ("encrypt-string", "v1", "v2", "-n", "a", "--name", "b", "--output", "out.yml")
    assert vault(*words) == 0
    text = (folder / "out.yml").read_text(encoding="utf-8")
    assert text.startswith("a: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          ")
    (folder / "h.yml").write_text(f"all: {{hosts: {{x: }}, vars: {{}}}}\n{''}", encoding="utf-8")
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(text, encoding="utf-8")
    found = run("inventory", "host", "x", "-i", "h.yml", "--vault-password-file", "pw")
    assert '"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\\n' in found.stdout
    assert '"v1"' not in found.stdout


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fleetrun.cli.main", *words], capture_output=True, text=True,
        input=stdin, check=False, timeout=60,
    )


def test_stdin_goes_to_stdout(folder: Path) -> None:
    """For pipes: encrypt, then decrypt."""
    sealed = run("vault", "encrypt", "--vault-password-file", "pw", stdin="a\nb")
    assert is_sealed(sealed.stdout)
    opened = run("vault", "decrypt", "-", "--vault-password-file", "pw", stdin=sealed.stdout)
    assert (opened.stdout, opened.returncode) == ("a\nb", 0)


def holders(text: str, *roots: Path) -> list[str]:
    """Files below `roots` that hold `text`."""
    found = []
    for root in roots:
        for path in root.rglob("*"):
            try:
                if path.is_file() and text.encode() in path.read_bytes():
                    found.append(str(path))
            except OSError:
                continue
    return found


def test_nothing_is_left_of_the_text_after_a_kill_9(folder: Path) -> None:
    """While the editor is open the text is in memory only; then it is nowhere (S-05)."""
    (folder / "a").write_text(SECRET, encoding="utf-8")
    vault("encrypt", "a")
    script = 'cp "$1" "$1.swp"; cp "$1" "$TMPDIR/x"; echo "$1" > "$OUT"; exec sleep 60'
    environ = {**os.environ, "EDITOR": editor(folder, script), "OUT": str(folder / "where"),
               "XDG_RUNTIME_DIR": "", "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "fleetrun.cli.main", "vault", "edit", "a",
         "--vault-password-file", "pw"], env=environ, stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )
    try:
        where = folder / "where"
        until(lambda: where.exists() and where.read_text(encoding="utf-8").strip() != "")
        file = Path(where.read_text(encoding="utf-8").strip())
        assert str(file).startswith("/dev/shm/")  # where it must be
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text(encoding="utf-8") == SECRET
        assert holders(SECRET, folder) == []
        process.kill()
        process.wait(10)
        until(lambda: not file.parent.exists())
        assert holders(SECRET, folder, Path("/dev/shm")) == []  # as above
    finally:
        # The editor outlives its parent; its session is the process group of both.
        os.killpg(process.pid, signal.SIGKILL)


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Waits until something holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.02)

@pytest.mark.parametrize("pager", ["cat", "less", "no-such-pager"])
def test_view_pages_on_a_terminal(folder: Path, pager: str) -> None:
    """The text comes whole, without the control sequences that it holds."""
    (folder / "a.yml").write_text(f"key: {SECRET}\nžluť \x1b[2Jend\n", encoding="utf-8")
    assert vault("encrypt", "a.yml") == 0
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "fleetrun.cli.main", "vault", "view", "a.yml",
             "--vault-password-file", "pw"]
    shown = b""
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "PAGER": pager, "TERM": "xterm", "LESS": "-FX", "LC_ALL": "C.UTF-8"},
    ) as viewer:
        os.close(theirs)
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while part := os.read(ours, 4096):
                shown += part
        assert viewer.wait(timeout=20) == 0
    os.close(ours)
    assert f"key: {SECRET}" in shown.decode()
    assert "žluť" in shown.decode()
    assert b"\x1b[2J" not in shown
    assert SECRET.encode() not in (folder / "a.yml").read_bytes()
