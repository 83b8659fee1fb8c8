"""Golden inventories: what Ansible makes of them, and we must too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory
from fleetrun.planning.select import merge_order, select

GOLDEN = Path(__file__).parent / "golden"
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


def merged_vars(inventory: Inventory, device: str) -> dict[str, Any]:
    """Variables of a device by Ansible's levels 3 to 10."""
    groups = [inventory.groups[name].layers for name in merge_order(inventory, device)]
    everybody, others = groups[:1], groups[1:]
    host = inventory.devices[device].layers
    layers = [
        *(layer.source for layer in everybody), *(layer.source for layer in others),
        *(layer.beside_inventory for layer in everybody),
        *(layer.beside_playbook for layer in everybody),
        *(layer.beside_inventory for layer in others),
        *(layer.beside_playbook for layer in others),
        host.source, host.beside_inventory, host.beside_playbook,
    ]
    return {name: value for layer in layers for name, value in layer.items()}


@pytest.mark.parametrize("name", CASES)
def test_variables_are_those_of_ansible(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each device has the same variables, with the same types."""
    _, expected, inventory = load_case(name, tmp_path, monkeypatch)
    ours = {device: merged_vars(inventory, device) for device in inventory.devices}
    theirs = {device: expected["hostvars"].get(device, {}) for device in inventory.devices}
    assert json.dumps(theirs, sort_keys=True) == json.dumps(ours, sort_keys=True)


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
