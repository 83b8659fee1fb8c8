"""Golden inventories: what Ansible makes of them, and we must too."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetrun.cli.main import main
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory
from fleetrun.planning.select import select
from fleetrun.planning.variables import BaseVars

GOLDEN = Path(__file__).parent / "golden"
VIEWS = ("--list", "--list --export", "--list --yaml --export", "--graph --vars")
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/case.json"))


def load_case(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], dict[str, Any], Inventory]:
    """The case, what Ansible said, and our inventory of a copy of its files."""
    folder = tmp_path / name
    shutil.copytree(GOLDEN / name, folder)
    for script in folder.rglob("*.sh"):
        script.chmod(0o755)
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    monkeypatch.chdir(folder)
    return case, expected, load_inventory(case["sources"], playbook_dir=case.get("playbook_dir"))


@pytest.mark.parametrize("name", CASES)
def test_variables_are_those_of_ansible(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each device has the same variables, with the same types."""
    _, expected, inventory = load_case(name, tmp_path, monkeypatch)
    base = BaseVars(inventory)
    ours = {device: dict(base.of(device)) for device in inventory.devices}
    theirs = {device: expected["hostvars"].get(device, {}) for device in inventory.devices}
    assert unmarked(json.dumps(theirs, sort_keys=True)) == json.dumps(ours, sort_keys=True)


@pytest.mark.parametrize("name", CASES)
def test_groups_are_those_of_ansible(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each group that is not empty has the same children and devices."""
    _, expected, inventory = load_case(name, tmp_path, monkeypatch)
    ours = {
        group.name: {"children": list(group.children), "hosts": list(group.devices)}
        for group in inventory.groups.values()
        if group.name != "all" and (group.children or group.devices)
    }
    theirs = {
        group: {"children": sorted(body.get("children", [])), "hosts": body.get("hosts", [])}
        for group, body in expected["groups"].items()
        if group != "all" and body
    }
    assert theirs == ours


@pytest.mark.parametrize("name", CASES)
def test_patterns_select_what_ansible_selects(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pattern and limit gives the same devices in the same order."""
    case, expected, inventory = load_case(name, tmp_path, monkeypatch)
    assert len(case["patterns"]) == len(expected["selected"])
    ours = {
        f"{pattern} limit {limit}": list(select(inventory, pattern, limit=limit))
        for pattern, limit in case["patterns"]
    }
    theirs = {
        f"{entry['pattern']} limit {entry['limit']}": entry["hosts"]
        for entry in expected["selected"]
    }
    assert theirs == ours


def unmarked(text: str) -> str:
    """JSON without the marks of texts that are no templates."""
    return re.sub(r'\{\s*"__ansible_unsafe": ("[^"]*")\s*\}', r"\1", text)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", CASES)
def test_views_are_those_of_ansible_to_the_byte(
    name: str, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`fleetrun inventory` prints what `ansible-inventory` prints."""
    case, _, _ = load_case(name, tmp_path, monkeypatch)
    sources = [word for source in case["sources"] for word in ("-i", source)]
    playbook = ["--playbook-dir", case["playbook_dir"]] if "playbook_dir" in case else []
    assert main(["inventory", *view.split(), *sources, *playbook]) == 0
    recorded = Path(f"view-{view.replace('--', '').replace(' ', '-')}.out")
    theirs, ours = recorded.read_text(encoding="utf-8"), capsys.readouterr().out
    if name.startswith(("script", "constructed")):
        # What a program prints is no template here, while Ansible trusts it; and Ansible
        # marks every text that was rendered, here only what looks like a template is.
        theirs, ours = unmarked(theirs), unmarked(ours)
    assert theirs == ours
