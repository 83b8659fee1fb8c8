"""Encrypted values in a whole run: used on the device, in no sink, safe to resume."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from fleetrun.loading.vault import VaultSecret, seal
from tests.e2e.conftest import CommandLine

#: Each place that a secret may come from has its own.
PLACES = ("file", "url", "list", "inline", "extra", "copy")
CANARIES = {place: f"canary-{place}-{secrets.token_hex(8)}" for place in PLACES}
PIN = 987654321
PASSWORD = ("--vault-password-file", "pw")
INVENTORY = ("-i", "h1,h2,", "-c", "local")

TASKS = """
  tasks:
    - debug: {msg: "{{ db_pw }} {{ url }} {{ pin }} {{ words }} {{ tok }} {{ x }}"}
    - debug: {var: tok}
    - command: "echo {{ db_pw }} {{ tok }} {{ pin }} {{ x }}"
      register: out
    - copy: {src: key.txt, dest: "{{ playbook_dir }}/out-{{ inventory_hostname }}.txt"}
      diff: true
    - assert:
        that:
          - tok is vault_encrypted
          - out.stdout == db_pw ~ ' ' ~ tok ~ ' ' ~ pin ~ ' ' ~ x
        fail_msg: "{{ out.stdout }}"
    - debug: {msg: "{{ lookup('unvault', 'files/key.txt') }}"}
    - shell: "echo {{ x }} >&2; exit 3"
      ignore_errors: true
    - fail: {msg: "it is {{ tok }} {{ x }}"}
      when: inventory_hostname == 'h2'
"""


@pytest.fixture
def project(fleetrun: CommandLine) -> CommandLine:
    """A playbook with secrets of every kind, and the command line in its folder."""
    folder = fleetrun.folder
    (folder / "group_vars" / "all").mkdir(parents=True)
    (folder / "files").mkdir()
    (folder / "pw").write_text("open sesame\n", encoding="utf-8")
    encrypted = {
        "group_vars/all/vault.yml": f"db_pw: {CANARIES['file']}\npin: {PIN}\n"
        f"url: 'https://u:{CANARIES['url']}@{{{{ inventory_hostname }}}}/'\n"
        f"words: [{CANARIES['list']}]\n",
        "extra.yml": f"x: {CANARIES['extra']}\n",
        "files/key.txt": f"begin\n{CANARIES['copy']}\n",
    }
    secret = VaultSecret("default", b"open sesame")
    for name, text in encrypted.items():
        (folder / name).write_text(seal(text.encode(), secret), encoding="utf-8")
    lines = seal(CANARIES["inline"].encode(), secret).splitlines()
    inline = "    tok: !vault |\n" + "".join(f"      {line}\n" for line in lines)
    fleetrun.play("p.yml", f"- hosts: all\n  gather_facts: false\n  vars:\n{inline}{TASKS}")
    return fleetrun


def leaks(text: str | bytes) -> list[str]:
    """The secrets that `text` holds."""
    seen = text.encode() if isinstance(text, str) else text
    return [word for word in (*CANARIES.values(), str(PIN)) if word.encode() in seen]


def leaks_in(folder: Path) -> list[str]:
    """The secrets in any file below `folder`."""
    return [word for path in folder.rglob("*") if path.is_file()
            for word in leaks(path.read_bytes())]


@pytest.mark.parametrize(
    "words", [(), ("-vvvv", "-D"), ("-C", "-D"), ("--output", "json"), ("--output", "ansible")]
)
def test_what_was_encrypted_is_in_no_sink(project: CommandLine, words: tuple[str, ...]) -> None:
    """Output, journal and errors of tasks that work and that fail (S-01)."""
    done = project("run", "p.yml", *INVENTORY, *PASSWORD, "-e", "@extra.yml", *words)
    assert done.returncode == 3, done.stderr
    assert "********" in done.stdout + done.stderr
    assert leaks(done.stdout + done.stderr) == []
    assert leaks_in(project.folder / "state") == []
    if "-C" not in words:
        out = (project.folder / "out-h1.txt").read_text(encoding="utf-8")
        assert out == f"begin\n{CANARIES['copy']}\n"
        assert "assert" not in [line for line in done.stdout.splitlines() if "✗" in line]


@pytest.mark.parametrize("spoil", ["password", "group_vars/all/vault.yml", "p.yml", "extra.yml"])
def test_a_wrong_password_or_a_changed_text_stops_before_anything_runs(
    project: CommandLine, spoil: str
) -> None:
    """Exit 2 with file and line; no task has run and no run is in the journal (S-07)."""
    if spoil == "password":
        (project.folder / "pw").write_text("wrong\n", encoding="utf-8")
    else:
        path = project.folder / spoil
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if "$ANSIBLE_VAULT" in line) + 3
        start = len(lines[at]) - len(lines[at].lstrip())
        flipped = "31" if lines[at][start: start + 2] != "31" else "32"
        lines[at] = lines[at][:start] + flipped + lines[at][start + 2:]
        path.write_text("".join(lines), encoding="utf-8")
    done = project("run", "p.yml", *INVENTORY, *PASSWORD, "-e", "@extra.yml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "input/vault-" in done.stderr
    assert (spoil if spoil != "password" else "extra.yml") + ":" in done.stderr
    assert leaks(done.stdout + done.stderr) == []
    assert not (project.folder / "out-h1.txt").exists()
    assert "p.yml" not in project("runs", "list").stdout


def test_retry_and_plan_have_the_secrets_of_extra_vars_again(project: CommandLine) -> None:
    """The journal and the plan keep them encrypted; -e is not asked for again."""
    project("run", "p.yml", *INVENTORY, *PASSWORD, "-e", "@extra.yml")
    again = project("retry", "last", "--only", "failed")
    assert again.returncode == 3, again.stderr
    assert "All assertions" not in again.stderr  # no noise
    assert "✗ assert" not in again.stdout + again.stderr
    assert "1 device: 1 failed" in again.stdout + again.stderr
    planned = project("plan", "p.yml", *INVENTORY, *PASSWORD, "-e", "@extra.yml", "-o", "a.plan")
    assert planned.returncode == 0, planned.stderr
    assert leaks((project.folder / "a.plan").read_bytes()) == []
    applied = project("apply", "a.plan")
    assert applied.returncode == 3, applied.stderr
    assert "✗ assert" not in applied.stdout + applied.stderr


def test_the_devices_of_a_former_run_can_be_named(project: CommandLine) -> None:
    """@last.failed is h2 alone; a run without such devices is an error."""
    project("run", "p.yml", *INVENTORY, *PASSWORD, "-e", "@extra.yml")
    listed = project("inventory", "list", "-i", "h1,h2,h3,", "-l", "@last.failed,unreachable",
                     *PASSWORD)
    assert listed.stdout.split() == ["h2"], listed.stderr
    both = project("inventory", "list", "-i", "h1,h2,h3,", "-l", "h3,@last.failed", *PASSWORD)
    assert both.stdout.split() == ["h3", "h2"] or both.stdout.split() == ["h2", "h3"]
    none = project("inventory", "list", "-i", "h1,h2,", "-l", "@last.unknown", *PASSWORD)
    assert none.returncode == 2
    assert "no device of run" in none.stderr
    wrong = project("inventory", "list", "-i", "h1,", "-l", "@last.faild", *PASSWORD)
    assert "names no outcome: faild" in wrong.stderr


def test_a_part_of_a_pattern_that_matches_nothing_is_a_warning(fleetrun: CommandLine) -> None:
    """The others run."""
    fleetrun.play("a.yml", "- {hosts: 'h1,nope', gather_facts: false, tasks: [{command: ls}]}\n")
    done = fleetrun("run", "a.yml", *INVENTORY, "-l", "h1,gone")
    assert done.returncode == 0, done.stderr
    assert "a.yml:1" in done.stderr
    assert "`nope` matches no device or group; it is ignored" in done.stderr
    assert "--limit: `gone` matches no device or group" in done.stderr


def test_a_group_that_an_earlier_play_makes_is_no_warning(fleetrun: CommandLine) -> None:
    """A name that matches nothing before that play still is one."""
    fleetrun.play("grow.yml", """
- {hosts: 'h1,typo', gather_facts: false, tasks: [{add_host: {name: h9, groups: made}}]}
- {hosts: made, gather_facts: false, tasks: [{debug: {msg: hi}}]}
""")
    done = fleetrun("run", "grow.yml", *INVENTORY)
    assert done.returncode == 0, done.stderr
    assert "`typo` matches no device or group" in done.stderr
    assert "`made`" not in done.stderr
