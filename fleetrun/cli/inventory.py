"""fleetrun inventory: what devices and groups there are."""

from __future__ import annotations

import click

from fleetrun.cli.options import INVENTORY_OPTIONS, add, as_json, default_inventories, limit_text
from fleetrun.errors import UsageError
from fleetrun.model.inventory import Inventory

EXAMPLES = """\b
Examples:
  fleetrun inventory list 'gateways:&site_berlin' -i fleet.yml
  fleetrun inventory graph -i fleet.yml
  fleetrun inventory show gw-001 -i fleet.yml
\b
Exit codes: 0 ok, 2 wrong input.
"""


def _load(inventories: tuple[str, ...]) -> Inventory:
    from fleetrun.loading.inventory import load_inventory  # noqa: PLC0415  # keeps --help quick

    return load_inventory(inventories or default_inventories())


@click.group(epilog=EXAMPLES)
def command() -> None:
    """List, draw and show devices and groups."""


@command.command("list", epilog=EXAMPLES)
@click.argument("pattern", default="all")
@add(INVENTORY_OPTIONS)
def list_devices(pattern: str, inventories: tuple[str, ...], limit: str) -> int:
    """List the devices that PATTERN names, one per line."""
    from fleetrun.errors import InputError  # noqa: PLC0415  # keeps --help quick
    from fleetrun.planning.select import explain_unmatched, select  # noqa: PLC0415

    inventory = _load(inventories)
    devices = select(inventory, pattern, limit=limit_text(limit))
    if not devices and (problems := explain_unmatched(inventory, pattern)):
        raise InputError(problems)
    for device in devices:
        click.echo(device)
    click.echo(f"{len(devices)} devices", err=True)
    return 0


@command.command("graph", epilog=EXAMPLES)
@add(INVENTORY_OPTIONS)
def graph(inventories: tuple[str, ...], limit: str) -> int:
    """Draw groups and devices as a tree, in Ansible's form."""
    del limit
    inventory = _load(inventories)
    click.echo("@all:")
    children = set(inventory.groups["all"].children)
    children |= {
        name for name, group in inventory.groups.items()
        if name != "all" and not set(group.parents) - {"all"}
    }
    for name in sorted(children):
        _draw(inventory, name, "  ", frozenset())
    return 0


def _draw(inventory: Inventory, name: str, indent: str, above: frozenset[str]) -> None:
    if name in above:
        return
    group = inventory.groups[name]
    click.echo(f"{indent}|--@{name}:")
    for child in group.children:
        _draw(inventory, child, indent + "|  ", above | {name})
    for device in sorted(group.devices):
        click.echo(f"{indent}|  |--{device}")


@command.command("show", epilog=EXAMPLES)
@click.argument("name")
@add(INVENTORY_OPTIONS)
def show(name: str, inventories: tuple[str, ...], limit: str) -> int:
    """Show a device's variables, or a group's members, as JSON."""
    from difflib import get_close_matches  # noqa: PLC0415  # keeps --help quick

    from fleetrun.planning.variables import BaseVars  # noqa: PLC0415

    del limit
    inventory = _load(inventories)
    if name in inventory.devices:
        device = inventory.devices[name]
        click.echo(as_json({
            "device": name, "groups": list(device.groups),
            "vars": dict(BaseVars(inventory).of(name)),
        }))
        return 0
    if name in inventory.groups:
        group = inventory.groups[name]
        click.echo(as_json({
            "group": name, "children": list(group.children), "devices": list(group.devices),
        }))
        return 0
    close = get_close_matches(name, [*inventory.devices, *inventory.groups], 3)
    raise UsageError(
        f"there is no device or group {name!r}", kind="usage/unknown-name",
        hint=f"did you mean {', '.join(close)}?" if close else "see `fleetrun inventory list`",
    )
