"""`fleetrun playbook`: flags, settings and exit codes of ansible-playbook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FLAGS = """
    -v -vvvvvv --private-key k --key-file k -u x -c local -c smart -T 5 --ssh-common-args=-C
    --sftp-extra-args=-C --scp-extra-args=-C --ssh-extra-args=-C --force-handlers -b
    --become-method sudo --become-user root -t a --skip-tags c -C -D --check --diff
    --flush-cache -e a=1 --extra-vars a=1 -f 3 --forks 3 -M lib --module-path lib
    --start-at-task say --timeout 9
""".split()  # noqa: SIM905  # reads as the command line does


def fleetrun(folder: Path, *words: str, stdin: str = "", **environ: str):
    return subprocess.run(
        [sys.executable, "-m", "fleetrun.cli.main", *words], cwd=folder, input=stdin, text=True,
        capture_output=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "FLEETRUN_STATE": str(folder / "state"),
             **environ},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("playbook")
    place.chmod(0o755)
    (place / "hosts").write_text("a ansible_connection=local\n")
    (place / "ok.yml").write_text(
        "- hosts: all\n  gather_facts: no\n  tasks:\n"
        "    - {name: say, debug: {msg: hello}, tags: [a, b]}\n"
        "    - {name: more, debug: {msg: more}}\n"
    )
    (place / "bad.yml").write_text(
        "- hosts: all\n  gather_facts: no\n  tasks:\n    - fail: {msg: no}\n"
    )
    (place / "wrong.yml").write_text("- hosts: all\n  taks: []\n")
    return place


def test_it_takes_the_flags_of_ansible_playbook(folder: Path) -> None:
    """None is unknown, and all of them together still list the playbook."""
    done = fleetrun(folder, "playbook", "-i", "hosts", "ok.yml", "--list-tasks", *FLAGS)
    assert done.returncode == 0, done.stderr
    assert "say" in done.stdout


def test_settings_of_ansible_cfg_are_defaults_of_flags(folder: Path) -> None:
    """The inventory comes from the file; a flag beats it."""
    cfg = folder / "a.cfg"
    cfg.write_text("[defaults]\ninventory = hosts\n[tags]\nskip = a\n")
    done = fleetrun(folder, "playbook", "ok.yml", ANSIBLE_CONFIG=str(cfg))
    assert done.returncode == 0, done.stderr
    assert "TASK [more]" in done.stdout
    assert "TASK [say]" not in done.stdout
    shown = fleetrun(folder, "config", "show", "--output", "json", ANSIBLE_CONFIG=str(cfg))
    assert json.loads(shown.stdout)["skip_tags"] == {
        "value": ["a"], "origin": f"{cfg} [tags] skip",
    }


def test_output_is_ansibles_and_a_callback_changes_it(folder: Path) -> None:
    """`run` keeps its own unless it is told otherwise."""
    run = ("-i", "hosts", "ok.yml", "-t", "a")
    assert "PLAY RECAP" in fleetrun(folder, "playbook", *run).stdout
    assert "PLAY RECAP" not in fleetrun(folder, "run", *run).stdout
    minimal = fleetrun(folder, "playbook", *run, ANSIBLE_STDOUT_CALLBACK="minimal")
    assert minimal.stdout.startswith("a | SUCCESS => {")


@pytest.mark.parametrize(
    ("args", "ours", "theirs"),
    [
        (("ok.yml",), 0, 0), (("bad.yml",), 3, 2), (("wrong.yml",), 2, 4),
        (("ok.yml", "--no-such-flag"), 2, 2), (("nowhere.yml",), 2, 1),
        (("bad.yml", "ok.yml"), 3, 2),
    ],
)
def test_exit_codes_are_ours_or_theirs(
    folder: Path, args: tuple[str, ...], ours: int, theirs: int
) -> None:
    """The same end, in both languages."""
    done = fleetrun(folder, "playbook", "-i", "hosts", *args)
    assert done.returncode == ours
    again = fleetrun(folder, "playbook", "-i", "hosts", *args, "--ansible-exit-codes")
    assert again.returncode == theirs


def test_step_asks_once_for_each_task(folder: Path) -> None:
    """No skips the task, yes does it, continue asks no more."""
    (folder / "two").write_text("a ansible_connection=local\nb ansible_connection=local\n")
    done = fleetrun(folder, "playbook", "-i", "two", "ok.yml", "--step", stdin="n\ny\n")
    assert done.stderr.count("Perform task: TASK:") == 2
    assert "TASK [say]" not in done.stdout
    assert done.stdout.count('"msg": "more"') == 2


def test_inventory_and_vault_read_ansible_cfg_too(folder: Path) -> None:
    """The inventory and the password file are those of the file; a flag beats it."""
    cfg = folder / "b.cfg"
    cfg.write_text("[defaults]\ninventory = hosts\nvault_password_file = pass\n")
    (folder / "pass").write_text("one\n")
    listed = fleetrun(folder, "inventory", "list", ANSIBLE_CONFIG=str(cfg))
    assert listed.stdout.split() == ["a"], listed.stderr
    classic = fleetrun(folder, "inventory", "--list", ANSIBLE_CONFIG=str(cfg))
    assert "a" in json.loads(classic.stdout)["ungrouped"]["hosts"]
    other = fleetrun(folder, "inventory", "list", "-i", "z,", ANSIBLE_CONFIG=str(cfg))
    assert other.stdout.split() == ["z"]
    for verb in ("encrypt-string", "encrypt_string"):
        sealed = fleetrun(folder, "vault", verb, "hello", ANSIBLE_CONFIG=str(cfg))
        assert "$ANSIBLE_VAULT" in sealed.stdout, sealed.stderr
