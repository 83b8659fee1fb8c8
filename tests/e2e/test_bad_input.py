"""Wrong input: its own clear error, exit 2, no traceback, and nobody is contacted."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleetrun.cli.main import main
from tests.e2e.conftest import CommandLine

GOOD = "- {hosts: gateways, gather_facts: false, tasks: [{ping: }]}\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)


class Listener:
    """Counts who connects to 127.0.0.1; says nothing and hangs up."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._accepted = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._accepted += 1
                connection.close()

    def contacts(self) -> int:
        """How many connections there were; those that are still queued count too."""
        with socket.create_connection(("127.0.0.1", self.port)) as own:
            own.recv(1)
        self._accepted -= 1
        return self._accepted

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """What every device of the inventory is."""
    started = Listener()
    yield started
    started.close()


@pytest.fixture
def folder(fleetrun: CommandLine, listener: Listener) -> Path:
    """A folder with an inventory of two devices, gw-1 and s-1, and a good playbook."""
    (fleetrun.folder / "fleet.yml").write_text(f"""
all:
  vars: {{ansible_host: 127.0.0.1, ansible_port: {listener.port}, ansible_user: nobody}}
  children:
    gateways: {{hosts: {{gw-1: {{}}}}}}
    sensors: {{hosts: {{s-1: {{}}}}}}
""")
    fleetrun.play("good.yml", GOOD)
    return fleetrun.folder


@dataclass(frozen=True)
class Case:
    """Files, a command line, and what stderr must say."""

    words: str
    #: Kind, place and words that must be in stderr.
    says: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)


def play(text: str, *says: str, words: str = "run bad.yml -i fleet.yml") -> Case:
    """A playbook that is wrong."""
    return Case(words, says, {"bad.yml": text})


def task(text: str, *says: str) -> Case:
    """A task that is wrong; it begins in line 4, column 7."""
    return play(f"- hosts: all\n  gather_facts: false\n  tasks:\n    - {text}\n", *says)


CASES = {
    # -- YAML ----------------------------------------------------------------------
    "malformed YAML": play(
        "- hosts: all\n  tasks: [\n", "error[input/yaml-syntax]", "--> bad.yml:3:1",
    ),
    "alias bomb": play(BOMB, "error[input/yaml-budget]", "--> bad.yml:6:", "aliases"),
    "alias into itself": play("- &a [*a]\n", "error[input/yaml-alias]", "--> bad.yml:1:"),
    "deep nesting": play(
        "- " + "[" * 100_000 + "\n", "error[input/yaml-depth]", "--> bad.yml:1:", "64 levels",
    ),
    "duplicate keys": play(
        "- hosts: all\n  become: true\n  become: false\n",
        "error[input/duplicate-key]", "--> bad.yml:3:3", "lines 2 and 3",
    ),
    "tabs": play(
        "- hosts: all\n  tasks:\n\t- ping:\n",
        "error[input/yaml-syntax]", "--> bad.yml:3:1", "tab",
    ),
    "control characters": play(
        "- hosts: all\n  name: \x1b[2J\n",
        "error[input/encoding]", "--> bad.yml:2:9", "U+001B",
    ),
    "no UTF-8": play("- hosts: \udcff\n", "error[input/encoding]", "--> bad.yml:1:10", "0xff"),
    "unknown tag": play(
        "- hosts: !!python/object/apply:os.system [id]\n",
        "error[input/yaml-tag]", "--> bad.yml:1:",
    ),
    # -- playbooks -----------------------------------------------------------------
    "no list of plays": play("hosts: all\n", "error[input/type]", "--> bad.yml:1:1"),
    "unknown keyword": task(
        "{ping: , retires: 3}",
        "error[input/unknown-keyword]", "--> bad.yml:4:16", "did you mean `retries`?",
    ),
    "unknown keyword of a play": play(
        "- host: all\n", "error[input/unknown-keyword]", "--> bad.yml:1:3", "`hosts`",
    ),
    "unknown module": task(
        "{debgu: {msg: x}}",
        "error[input/unknown-module]", "--> bad.yml:4:8", "did you mean `debug`?",
    ),
    "unknown argument": task(
        "{copy: {scr: a, dest: /b}}",
        "error[input/unknown-argument]", "--> bad.yml:4:15", "did you mean `src`?",
    ),
    "argument of another type": task(
        "{copy: {src: a, dest: /b, backup: perhaps}}",
        "error[input/argument-value]", "--> bad.yml:4:", "backup",
    ),
    "missing task file": task(
        "{import_tasks: gone.yml}", "error[input/missing-file]", "--> bad.yml:4:", "gone.yml",
    ),
    "graph cycle": play(
        "- hosts: all\n  graph:\n    gateways: {after: sensors}\n    sensors: {after: gateways}\n"
        "  tasks: [{ping: }]\n",
        "error[input/graph-cycle]", "--> bad.yml:", "gateways", "sensors",
    ),
    "unknown group in the graph": play(
        "- hosts: all\n  graph: {sensors: {after: gatways}}\n  tasks: [{ping: }]\n",
        "error[input/unknown-group]", "--> bad.yml:2:28", "did you mean gateways?",
    ),
    # -- the command line ----------------------------------------------------------
    "missing playbook": Case(
        "run gone.yml -i fleet.yml", ("error[input/missing-file]", "gone.yml"),
    ),
    "missing inventory": Case(
        "run good.yml -i flet.yml",
        ("error[input/missing-file]", "`flet.yml`", "did you mean `fleet.yml`?"),
    ),
    "empty selection": play(
        GOOD.replace("gateways", "gatways"),
        "error[input/unknown-device]", "--> bad.yml:1:", "did you mean `gateways`?",
    ),
    "empty selection, ad hoc": Case(
        "exec gatways -i fleet.yml -- id",
        ("error[input/unknown-device]", "did you mean `gateways`?"),
    ),
    "limit that names nobody": Case(
        "run good.yml -i fleet.yml -l gw-2",
        ("error[input/unknown-device]", "--limit", "did you mean `gw-1`?"),
    ),
    "limit beside the pattern": Case(
        "run good.yml -i fleet.yml -l sensors", ("error[input/empty-selection]", "sensors"),
    ),
    "missing limit file": Case(
        "run good.yml -i fleet.yml -l @gone", ("error[input/missing-file]", "gone"),
    ),
    "pattern that is no expression": Case(
        "exec ~( -i fleet.yml -- id", ("error[usage/pattern]", "~("),
    ),
    "extra vars without a value": Case(
        "run good.yml -i fleet.yml -e novalue", ("error[usage/extra-vars]", "'novalue'"),
    ),
    "extra vars that are cut off": Case(
        "run good.yml -i fleet.yml -e {a:", ("error[input/yaml-syntax]", "--extra-vars:"),
    ),
    "extra vars of a missing file": Case(
        "run good.yml -i fleet.yml -e @gone.yml", ("error[input/missing-file]", "gone.yml"),
    ),
    "start at a task that is not there": Case(
        "run good.yml -i fleet.yml --start-at-task gone", ("error[usage/no-such-task]", "'gone'"),
    ),
    "unknown module, ad hoc": Case(
        "exec all -i fleet.yml -m pnig", ("error[input/unknown-module]", "did you mean `ping`?"),
    ),
    "unknown argument, ad hoc": Case(
        "exec all -i fleet.yml -m service -a nmae=x",
        ("error[input/unknown-argument]", "did you mean `name`?"),
    ),
    "unknown command": Case("rnu good.yml", ("error[usage]", "Did you mean `run`?", "--help")),
    "unknown flag": Case("run good.yml --limt x", ("error[usage]", "--limit")),
    "unknown run to resume": Case(
        "resume 0101", ("error[usage/unknown-run]", "`0101`", "fleetrun run"),
    ),
    "unknown run to retry": Case("retry last", ("error[usage/unknown-run]", "`last`")),
    "unknown run to show": Case("runs show 0101", ("error[usage/unknown-run]", "`0101`")),
    "unknown outcome to retry": Case(
        "retry last --only faild", ("error[usage/unknown-outcome]", "faild", "failed"),
    ),
    "a plan that is none": Case("apply fleet.yml", ("error[usage/plan-file]", "fleet.yml")),
    # -- inventories ---------------------------------------------------------------
    "malformed inventory": Case(
        "run good.yml -i bad", ("error[input/inventory-syntax]", "--> bad:2:"),
        {"bad": "[gateways]\n[oops\ngw-1\n"},
    ),
    "groups in a circle": Case(
        "run good.yml -i bad", ("error[input/group-cycle]", "`a`", "`b`", "--> bad:"),
        {"bad": "[a:children]\nb\n[b:children]\na\n"},
    ),
    "duplicate keys in the inventory": Case(
        "run good.yml -i bad.yml", ("error[input/duplicate-key]", "--> bad.yml:4:5"),
        {"bad.yml": "all:\n  hosts:\n    gw-1: {}\n    gw-1: {}\n"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_told_and_nobody_is_contacted(
    name: str, folder: Path, listener: Listener, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kind, place and advice on stderr, nothing on stdout, exit 2, no connection."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FLEETRUN_STATE", str(folder / "state"))
    case = CASES[name]
    for file, text in case.files.items():
        (folder / file).write_text(text, errors="surrogateescape")
    code = main(case.words.split())
    said = capsys.readouterr()
    assert code == 2, said
    assert [part for part in case.says if part not in said.err] == [], said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert listener.contacts() == 0


@pytest.mark.parametrize(
    "name", ["malformed YAML", "missing inventory", "empty selection", "unknown command"]
)
def test_a_process_ends_as_the_command_line_says(
    name: str, fleetrun: CommandLine, folder: Path, listener: Listener
) -> None:
    """The same for a command that a person types: exit 2 and the words on stderr."""
    case = CASES[name]
    for file, text in case.files.items():
        fleetrun.play(file, text)
    done = fleetrun(*case.words.split())
    assert done.returncode == 2, done.stderr
    assert [part for part in case.says if part not in done.stderr] == [], done.stderr
    assert done.stdout == ""
    assert listener.contacts() == 0


def test_good_input_does_contact_the_devices(
    fleetrun: CommandLine, folder: Path, listener: Listener
) -> None:
    """Otherwise the test above could not fail: exit 4, one device, one connection or more."""
    done = fleetrun("run", "good.yml", "-i", "fleet.yml")
    assert done.returncode == 4, done.stderr + done.stdout
    assert listener.contacts() >= 1


def test_all_mistakes_of_a_playbook_are_told_at_once(
    fleetrun: CommandLine, folder: Path, listener: Listener
) -> None:
    """Three mistakes, three places, in the order of the file."""
    fleetrun.play("bad.yml", """\
- hosts: all
  gather_fact: false
  tasks:
    - {pnig: }
    - {copy: {scr: a, dest: /b}}
""")
    done = fleetrun("run", "bad.yml", "-i", "fleet.yml")
    places = re.findall(r"--> (\S+)", done.stderr)
    assert done.returncode == 2
    assert places == ["bad.yml:2:3", "bad.yml:4:8", "bad.yml:5:15"]
    assert done.stderr.endswith("3 problems; nothing was contacted\n")
    assert listener.contacts() == 0


def test_escapes_in_names_do_not_reach_the_terminal(fleetrun: CommandLine, folder: Path) -> None:
    """A file may hold anything; an error that quotes it is plain text."""
    fleetrun.play("bad.yml", '- hosts: all\n  "\\e]0;owned\\a": x\n')
    done = fleetrun("run", "bad.yml", "-i", "fleet.yml")
    assert done.returncode == 2
    assert done.stderr.replace("\n", "").isprintable()


def test_an_undefined_variable_fails_the_device_and_runs_nothing(fleetrun: CommandLine) -> None:
    """It is known only per device: exit 3, and the name of the variable."""
    fleetrun.play("play.yml", """\
- hosts: localhost
  gather_facts: false
  tasks:
    - {name: makes, command: "touch {{ inventory_hostname }}-{{ nowhere }}"}
    - {name: never, command: touch never}
""")
    done = fleetrun("run", "play.yml", "-c", "local")
    said = done.stdout + done.stderr
    assert done.returncode == 3, said
    assert "nowhere" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in fleetrun.folder.iterdir()) == ["play.yml", "state"]


def test_a_resume_in_a_folder_that_is_gone_says_so(fleetrun: CommandLine) -> None:
    """The run's files were there; the error names the folder."""
    work = fleetrun.folder / "work"
    work.mkdir()
    (work / "play.yml").write_text("- {hosts: localhost, gather_facts: false, tasks: [{fail: }]}\n")
    made = CommandLine(work)
    state = {"FLEETRUN_STATE": str(fleetrun.folder / "state")}
    assert made("run", "play.yml", "-c", "local", **state).returncode == 3
    (work / "play.yml").unlink()
    work.rmdir()
    done = fleetrun("retry", "last")
    assert done.returncode == 2
    assert f"error[usage/no-folder]: cannot go to {work}" in done.stderr


@pytest.mark.parametrize("words", ["runs list", "run good.yml -i fleet.yml", "resume last"])
def test_a_journal_of_a_newer_fleetrun_is_left_alone(
    words: str, fleetrun: CommandLine, folder: Path, listener: Listener
) -> None:
    """Exit 9, both versions are named, no byte of the file changes, nobody is contacted."""
    path = folder / "state" / "journal.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as newer:
        newer.executescript(
            f"PRAGMA application_id={0x466C526E}; PRAGMA user_version=99; CREATE TABLE later (x);"
        )
    before = path.read_bytes()
    done = fleetrun(*words.split())
    assert done.returncode == 9, done.stderr
    assert "error[journal/newer-schema]" in done.stderr
    assert "99" in done.stderr
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]
    assert listener.contacts() == 0


def test_a_state_folder_that_cannot_be_written_stops_a_run_before_it_begins(
    fleetrun: CommandLine, folder: Path, listener: Listener
) -> None:
    """Exit 9, the folder and the way out are named, nobody is contacted."""
    sealed = folder / "sealed"
    sealed.mkdir(mode=0o500)
    done = subprocess.run(
        [*as_ordinary_user(), sys.executable, "-m", "fleetrun.cli.main", "run", "good.yml",
         "-i", "fleet.yml"],
        cwd=folder, env=fleetrun.environment(FLEETRUN_STATE=str(sealed / "state")),
        capture_output=True, text=True, timeout=90, check=False,
    )
    assert done.returncode == 9, done.stderr
    assert "error[journal/unwritable]" in done.stderr
    assert str(sealed) in done.stderr
    assert "FLEETRUN_STATE" in done.stderr
    assert "Traceback" not in done.stderr
    assert listener.contacts() == 0


def as_ordinary_user() -> list[str]:
    """Words that make root obey the modes of its own files, as everybody must."""
    if os.geteuid() != 0:
        return []
    dropped = "-dac_override,-dac_read_search"
    return ["setpriv", f"--inh-caps={dropped}", f"--bounding-set={dropped}"]
