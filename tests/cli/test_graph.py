"""`fleetrun graph`: pictures of a playbook's graph, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.cli.main import main

INVENTORY = """
all:
  children:
    gateways: {hosts: {gw-b: {site: berlin}, gw-m: {site: munich}}}
    sensors: {hosts: {s-b: {site: berlin}, s-m: {site: munich}}}
    cameras: {vars: {depends_on: {after: sensors, need: all}}, hosts: {c-1: {}}}
"""
PLAY = """
- hosts: all
  graph: {sensors: {after: AFTER, scope: site, need: 95%}}
  tasks: [{ping: }]
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A playbook whose sensors come after gateways, and its inventory."""
    (tmp_path / "inv.yml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "p.yml").write_text(PLAY.replace("AFTER", "gateways"), encoding="utf-8")
    return ["graph", str(tmp_path / "p.yml"), "-i", str(tmp_path / "inv.yml")]


def test_group_vars_and_play_make_one_graph(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both kinds of edges are drawn, with need and scope."""
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "after gateways (needs 95 %, per site)" in out
    assert "wave 3  cameras  (1 device)" in out


def test_svg_goes_to_a_file(words: list[str], tmp_path: Path) -> None:
    """A file that a browser opens."""
    assert main([*words, "--format", "svg", "-o", str(tmp_path / "g.svg")]) == 0
    assert (tmp_path / "g.svg").read_text().startswith("<svg ")


def test_a_cycle_over_play_and_group_vars_is_named_with_its_place(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, and nothing is drawn."""
    (tmp_path / "p.yml").write_text(PLAY.replace("AFTER", "cameras"), encoding="utf-8")
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "cameras -> sensors -> cameras" in said.err
    assert "p.yml:3:" in said.err


def test_a_play_that_is_not_there_is_an_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says how many there are."""
    assert main([*words, "--play", "2"]) == 2
    assert "the playbook has 1 plays" in capsys.readouterr().err
