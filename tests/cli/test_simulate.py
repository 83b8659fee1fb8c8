"""`fleetrun simulate`: the same machine over pretended devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetrun.cli.main import main

INVENTORY = """
all:
  hosts:
    gw-1: {device_type: x86}
    s-1: {device_type: rpi3}
    s-2: {device_type: rpi4}
  children:
    sensors: {hosts: {s-1: {}, s-2: {}}}
"""
PLAY = """
- hosts: sensors
  rollout:
    order: stable
    gate: {abort_on: [{class: failed, over: 10%, min_sample: 20}]}
    stages: [{name: canary, pick: 59, soak: 24h}, {name: rest, pick: 100%}]
  tasks: [{ping: }]
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A rollout over two sensors, to be repeated."""
    (tmp_path / "inv.yml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "p.yml").write_text(PLAY, encoding="utf-8")
    return ["simulate", str(tmp_path / "p.yml"), "-i", str(tmp_path / "inv.yml")]


def told(words: list[str], capsys: pytest.CaptureFixture[str], code: int) -> dict:
    assert main([*words, "--output", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_an_inventory_is_repeated_with_its_groups(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """3,000 devices are 2,000 sensors."""
    report = told([*words, "--devices", "3000"], capsys, 0)
    assert report["device_count"] == report["touched"] == 2000
    assert [stage["device_count"] for stage in report["stages"]] == [59, 1941]
    assert report["stages"][0]["ended_s"] > 86400


def test_a_fault_of_one_type_is_caught_with_a_small_reach(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Half of rpi3 is a quarter of all: the canary halts; the seed decides who."""
    bad = [*words, "--devices", "3000", "--fail", "device_type=rpi3:50%", "--seed", "1"]
    first, second = told(bad, capsys, 5), told(bad, capsys, 5)
    assert first == second
    assert first["halt"].startswith("canary: ")
    assert first["touched"] <= 59


def test_text_names_stages_time_and_reach(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person reads; a gate that tolerates failures passes when nobody answers."""
    assert main([*words, "--duration", "10s", "--offline", "100%"]) == 0
    out = capsys.readouterr().out
    assert "✓ stage canary: 2 devices" in out
    assert "touched 0 of 2 (0 %)" in out


@pytest.mark.parametrize("flag", [["--fail", "x"], ["--fail", "a=b:120%"], ["--duration", "2w"]])
def test_wrong_shares_and_spans_are_errors(words: list[str], flag: list[str]) -> None:
    """Nothing is guessed."""
    assert main([*words, *flag]) == 2
