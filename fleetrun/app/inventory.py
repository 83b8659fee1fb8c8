"""The inventory for the verbs that show it."""

from __future__ import annotations

from collections.abc import Sequence

from fleetrun.errors import InputError
from fleetrun.loading.inventory import load_inventory
from fleetrun.loading.vault.values import covered
from fleetrun.loading.yamlfile import dump_yaml
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import Value, Vars
from fleetrun.planning.inventory_view import InventoryView
from fleetrun.planning.select import explain_unmatched, select

__all__ = ["as_yaml", "open_inventory", "selected", "unmatched", "view"]


def open_inventory(sources: Sequence[str], playbook_dir: str = "") -> Inventory:
    """Returns the inventory of `sources`; raises InputError."""
    return load_inventory(sources, playbook_dir=playbook_dir or None)


def selected(inventory: Inventory, pattern: str, limit: str) -> tuple[str, ...]:
    """Returns the devices that `pattern` names and `limit` leaves.

    Raises InputError when one of them names nothing.
    """
    devices = select(inventory, pattern, limit=limit)
    if not devices:
        problems = explain_unmatched(inventory, pattern)
        if not problems and limit:
            problems = explain_unmatched(inventory, limit)
        if problems:
            raise InputError(problems)
    return devices


def unmatched(inventory: Inventory, pattern: str, limit: str = "") -> tuple[str, ...]:
    """Returns a message for each part of pattern and limit that names nothing."""
    problems = [
        *explain_unmatched(inventory, pattern),
        *(explain_unmatched(inventory, limit) if limit else ()),
    ]
    return tuple(dict.fromkeys(
        f"{problem.message}; it is ignored" for problem in problems
        if problem.kind == "input/unknown-device"
    ))


def view(
    inventory: Inventory, *, limit: str = "", extra_vars: Vars | None = None,
    is_export: bool = False, is_json: bool = False,
) -> InventoryView:
    """Returns the inventory as Ansible shows it, with its secrets encrypted."""
    shown = frozenset(selected(inventory, "all", limit)) if limit else inventory.devices.keys()
    return InventoryView(
        inventory=inventory, shown=shown, cover=covered, extra_vars=extra_vars or {},
        is_export=is_export, marks_unsafe=is_json,
    )


def as_yaml(value: Value) -> str:
    """Returns plain data as YAML."""
    return dump_yaml(value, default_flow_style=False)
