"""`fleetrun inventory`: what Ansible's flags give, and what a person sees.

The texts of lists and graphs are compared with Ansible's in
tests/loading/inventory/test_golden.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetrun.cli.main import main

HOSTS = """[web]
gw-[1:3] port=80
[db]
db-1
[prod:children]
web
db
"""


@pytest.fixture
def source(tmp_path: Path) -> str:
    """An inventory of four devices."""
    path = tmp_path / "hosts.ini"
    path.write_text(HOSTS, encoding="utf-8")
    return str(path)


def test_the_flags_of_ansible_and_the_verbs_say_the_same(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--list` is `list --json`, `--host` is `host`, `--graph` is `graph`."""
    for flags, verbs in (
        (["--list"], ["list", "--json"]),
        (["--list", "--yaml", "--export"], ["list", "--yaml", "--export"]),
        (["--host", "gw-1"], ["host", "gw-1"]),
        (["--host=gw-1", "-y"], ["host", "gw-1", "--yaml"]),
        (["--graph", "prod", "--vars"], ["graph", "prod", "--vars"]),
        (["--list", "-l", "db"], ["list", "db", "--json"]),
    ):
        said = []
        for words in (flags, verbs):
            assert main(["inventory", *words, "-i", source]) == 0
            said.append(capsys.readouterr().out)
        assert said[0] == said[1]
        assert said[0] != ""


def test_output_goes_to_a_file(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing to stdout; a file that cannot be written is an error."""
    out = tmp_path / "out.json"
    assert main(["inventory", "--list", "-i", source, "--output", str(out)]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(out.read_text(encoding="utf-8"))["web"]["hosts"] == ["gw-1", "gw-2", "gw-3"]
    assert main(["inventory", "--list", "-i", source, "--output", str(tmp_path)]) == 2


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--host", "gw-9"], "did you mean gw-"),
        (["--graph", "wbe"], "did you mean web"),
        (["--list", "--graph"], "give one of --list, --host DEVICE and --graph"),
        (["--list", "-l", "nope"], "`nope` matches no device or group"),
        (["show", "gw-9"], "did you mean gw-"),
        (["list", "nope"], "`nope` matches no device or group"),
        (["query"], "give one of --list"),
    ],
)
def test_what_is_not_there_is_an_error(
    words: list[str], wanted: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with near names."""
    assert main(["inventory", *words, "-i", source]) == 2
    assert wanted in capsys.readouterr().err


def test_a_part_that_matches_nothing_is_a_warning(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are listed."""
    assert main(["inventory", "list", "db:nope", "-i", source]) == 0
    said = capsys.readouterr()
    assert said.out == "db-1\n"
    assert "warning: `nope` matches no device or group; it is ignored" in said.err


def test_extra_vars_are_over_those_of_every_device(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in ansible-inventory -e."""
    assert main(["inventory", "host", "gw-1", "-i", source, "-e", "port=81", "-e", "x=1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"port": "81", "x": "1"}
