"""Saved plans: written whole, read back exactly, refused when something changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetrun import planfile
from fleetrun.app import load, plan_plays
from fleetrun.cli.main import main
from fleetrun.errors import UsageError
from fleetrun.model.run import Invocation
from fleetrun.model.values import TemplateText

INVENTORY = """
all:
  children:
    gateways: {hosts: {gw-1: {}, gw-2: {}}}
    sensors: {hosts: {s-1: {}, s-2: {}, s-3: {}}, vars: {rate: 5}}
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  graph: {sensors: {after: gateways}}
  rollout:
    stages: [{name: canary, pick: 1}, {name: rest, pick: 100%}]
    gate: {success: 90%}
  tasks:
    - {debug: {msg: one}}
    - {block: [{debug: {msg: two}}, {debug: {msg: three}}]}
"""


@pytest.fixture
def invocation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invocation:
    """A playbook and an inventory in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yml").write_text(INVENTORY)
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    return Invocation(
        playbook="site.yml", inventories=("fleet.yml",), seed="s", tags=("all",),
        extra_vars={"a": TemplateText("{{ b }}"), "n": 1, "raw": "{{ b }}"},
    )


def document(invocation: Invocation) -> dict[str, Any]:
    loaded = load(invocation)
    return planfile.plan_document(loaded, plan_plays(loaded, "s"))


def test_a_plan_says_stages_waves_and_counts(invocation: Invocation) -> None:
    """The graph's waves inside each stage, every device once."""
    (play,) = document(invocation)["plays"]
    assert play["tasks"] == 3
    assert play["waves"] == ["gateways", "sensors"]
    assert [stage["name"] for stage in play["stages"]] == ["canary", "rest"]
    assert play["stages"][0]["gate"] == "90 % of attempted succeed"
    devices = [name for stage in play["stages"] for wave in stage["waves"] for name in wave]
    assert sorted(devices) == ["gw-1", "gw-2", "s-1", "s-2", "s-3"]
    assert len(play["stages"][0]["waves"][0]) == 1


def test_a_saved_plan_is_read_back_exactly(invocation: Invocation, tmp_path: Path) -> None:
    """Types, tuples and templates too: text that only looks like one stays text."""
    path = tmp_path / "site.plan"
    planfile.write_plan(str(path), document(invocation))
    saved = planfile.read_plan(str(path))
    read = planfile.plan_invocation(saved)
    assert read == invocation
    assert type(read.extra_vars["a"]) is TemplateText
    assert type(read.extra_vars["raw"]) is str
    assert planfile.differences(saved, document(read)) == ()


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda at: append(at / "site.yml", "# later\n"), ("{at}/site.yml was edited",)),
        (
            lambda at: append(at / "fleet.yml", "    more: {hosts: {x-1: {}, x-2: {}}}\n"),
            ("x-1, x-2 joined the selection",),
        ),
        (
            lambda at: (at / "fleet.yml").write_text(INVENTORY.replace(", gw-2: {}", "")),
            ("gw-2 left the selection",),
        ),
        (
            lambda at: (at / "fleet.yml").write_text(INVENTORY.replace("rate: 5", "rate: 6")),
            ("variables or groups of the inventory changed",),
        ),
    ],
    ids=["playbook", "joined", "left", "variables"],
)
def test_what_changed_since_is_said(
    invocation: Invocation, tmp_path: Path, change: Callable[[Path], object],
    said: tuple[str, ...],
) -> None:
    """A stale plan is told apart by file, device and variable."""
    saved = document(invocation)
    change(tmp_path)
    assert planfile.differences(saved, document(invocation)) == tuple(
        line.format(at=tmp_path) for line in said
    )


def test_many_devices_are_counted() -> None:
    """Five names are enough."""
    def plan(names: list[str]) -> dict[str, Any]:
        return {"files": {}, "inventory": "x", "plays": [{"stages": [{"waves": [names]}]}]}

    names = [f"d-{number}" for number in range(1, 9)]
    assert planfile.differences(plan(names), plan([])) == (
        "d-1, d-2, d-3, d-4, d-5 and 3 more left the selection",
    )


def test_files_that_come_and_go_are_named() -> None:
    """An imported file that is new, one that is gone."""
    before = {"files": {"a": "1", "b": "2"}, "inventory": "x", "plays": []}
    after = {"files": {"b": "2", "c": "3"}, "inventory": "x", "plays": []}
    assert planfile.differences(before, after) == ("a is gone", "c is new")


def test_another_order_is_a_difference() -> None:
    """The same devices in other waves are another plan."""
    before = {"files": {}, "inventory": "x", "plays": [{"stages": [{"waves": [["a"], ["b"]]}]}]}
    after = {"files": {}, "inventory": "x", "plays": [{"stages": [{"waves": [["a", "b"]]}]}]}
    assert planfile.differences(before, after) == ("stages or waves are not the same any more",)


@pytest.mark.parametrize(
    "part", ["invocation", "cwd", "files", "inventory", "plays", "format"]
)
def test_a_plan_that_lost_a_part_is_refused(
    invocation: Invocation, tmp_path: Path, part: str
) -> None:
    """Before anything is done with it."""
    damaged = copy.deepcopy(document(invocation))
    del damaged[part]
    path = tmp_path / "damaged.plan"
    path.write_text(json.dumps(damaged))
    with pytest.raises(UsageError) as caught:
        planfile.read_plan(str(path))
    assert caught.value.kind == "usage/plan-file"


@pytest.mark.parametrize("content", ["", "[", "[]", "3", '{"format": 99}', "\udcff"])
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str) -> None:
    """Any other file that is given by mistake."""
    path = tmp_path / "x.plan"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(UsageError) as caught:
        planfile.read_plan(str(path))
    assert caught.value.kind == "usage/plan-file"
    assert "x.plan" in caught.value.message


def test_plan_saves_and_apply_refuses_what_is_stale(
    invocation: Invocation, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From another folder too: a plan is carried out where it was made."""
    monkeypatch.setenv("FLEETRUN_STATE", str(tmp_path / "state"))
    assert main(["plan", "site.yml", "-i", "fleet.yml", "-o", "site.plan"]) == 0
    append(tmp_path / "site.yml", "# later\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["apply", str(tmp_path / "site.plan")]) == 2
    said = capsys.readouterr().err
    assert f"the plan is stale: {tmp_path}/site.yml was edited" in said
    assert f"help: in {tmp_path}: fleetrun plan site.yml -i fleet.yml -o" in said


def test_a_plan_that_cannot_be_saved_says_so(
    invocation: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is not there is the operator's mistake, not a bug."""
    assert main(["plan", "site.yml", "-i", "fleet.yml", "-o", "nowhere/site.plan"]) == 2
    assert "error[usage/plan-file]: cannot save the plan" in capsys.readouterr().err


def test_plan_tells_by_its_exit_code_that_there_is_something_to_do(
    invocation: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only when asked; stdout has the plan as one object."""
    words = ["plan", "site.yml", "-i", "fleet.yml", "--exit-code", "--output", "json"]
    assert main(words) == 6
    shown = json.loads(capsys.readouterr().out)
    assert [stage["name"] for stage in shown["plays"][0]["stages"]] == ["canary", "rest"]
