"""`fleetrun --help` is quick, and the first words of every command are plain."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fleetrun.cli.main import COMMANDS, main

HEAVY = ("asyncssh", "jinja2", "yaml", "networkx", "tqdm", "asyncio", "sqlite3", "cryptography")

PROBE = """
import sys
from fleetrun.cli.main import main
code = main({words!r})
found = [name for name in {heavy!r} if name in sys.modules]
sys.stderr.write(" ".join(found))
raise SystemExit(code)
"""


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["run", "--help"], ["exec", "-h"], ["doc", "--help"]],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """None of the libraries that only a run needs, nor asyncio itself."""
    code = PROBE.format(words=words, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith(("Usage: fleetrun", "fleetrun, version"))


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With its line of help, in the order of the table."""
    assert main(["--help"]) == 0
    listed = [line.split() for line in capsys.readouterr().out.splitlines()]
    names = [words[0] for words in listed if words and words[0] in COMMANDS]
    assert names == list(COMMANDS)


def test_no_command_shows_the_help_and_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A script that forgot the command must not go on."""
    assert main([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Usage: fleetrun")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["rnu"], "Did you mean `run`?"),
        (["run", "--lmit", "x", "a.yml"], "--limit"),
        (["run"], "PLAYBOOK"),
        (["run", "-f", "0", "a.yml"], "1<=x"),
        (["lab", "pu"], "pu"),
        (["exec", "all"], "-- COMMAND"),
        (["exec", "all", "-m", "ping", "--", "id"], "-- COMMAND"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_wrong_usage_names_the_mistake_and_the_next_command(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, one line of what is wrong, one of what to type."""
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error[usage]: ")
    assert part in said.err
    assert "\n  next: fleetrun" in said.err


def test_a_reader_that_goes_away_is_no_failure() -> None:
    """`fleetrun doc | head -1` ends well and quietly."""
    line = f"{sys.executable} -m fleetrun.cli.main doc; echo $? >&2"
    done = subprocess.run(
        ["sh", "-c", f"{{ {line}; }} | :"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "0\n"
