"""The examples in docs/howto/inventory.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory
from fleetrun.planning.select import select

HOWTO = Path(__file__).parents[3] / "docs/howto/inventory.md"
_BLOCK = re.compile(r"```(ini|yaml|csv|json)\n(.*?)```", re.DOTALL)
BLOCKS = _BLOCK.findall(HOWTO.read_text("utf-8"))
#: The first of each kind.
EXAMPLES = dict(reversed(BLOCKS))


def load_example(kind: str, folder: Path) -> Inventory:
    """The inventory of the example of one kind."""
    path = folder / f"hosts.{kind}"
    path.write_text(EXAMPLES[kind], encoding="utf-8")
    if kind == "json":
        path = folder / "list"
        path.write_text(f"#!/bin/sh\ncat '{folder}/hosts.json'\n", encoding="utf-8")
        path.chmod(0o755)
    return load_inventory([str(path)])


@pytest.mark.parametrize(
    ("kind", "sensors"), [("ini", 50), ("yaml", 50), ("csv", 1), ("json", 1)]
)
def test_examples_load(kind: str, sensors: int, tmp_path: Path) -> None:
    """Every kind of source is shown by an example that works."""
    inventory = load_example(kind, tmp_path)
    assert len(select(inventory, "sensors")) == sensors
    assert not inventory.warnings


def test_the_constructed_example_makes_its_groups(tmp_path: Path) -> None:
    """Of the devices in the example of CSV."""
    (tmp_path / "1.csv").write_text(EXAMPLES["csv"], encoding="utf-8")
    example = next(text for kind, text in BLOCKS if kind == "yaml" and "plugin:" in text)
    (tmp_path / "2.yml").write_text(example, encoding="utf-8")
    inventory = load_inventory([str(tmp_path)])
    assert inventory.groups["types"].children == ("type_rpi4", "type_x86_gw")
    assert inventory.groups["gateways"].devices == ("gw-1",)
    assert inventory.devices["gw-1"].layers.source["ansible_host"] == "gw-1.fleet.example"
    assert "old" not in inventory.groups
