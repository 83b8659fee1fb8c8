"""fleetrun inventory: what devices and groups there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from fleetrun.cli.former import limit_text
from fleetrun.cli.options import (
    INVENTORY_OPTIONS,
    VAULT_OPTIONS,
    add,
    default_inventories,
    extra_vars,
    open_vault,
)
from fleetrun.errors import UsageError

if TYPE_CHECKING:
    from fleetrun.model.inventory import Inventory
    from fleetrun.planning.inventory_view import InventoryView

EXAMPLES = """\b
Examples:
  fleetrun inventory list 'gateways:&site_berlin' -i fleet.yml
  fleetrun inventory list --json -i fleet.yml
  fleetrun inventory graph -i fleet.yml
  fleetrun inventory host gw-001 -i fleet.yml
  fleetrun inventory show gw-001 -i fleet.yml
  fleetrun inventory query --list -i fleet.yml
\b
Exit codes: 0 ok, 2 wrong input.
"""
_QUERIES = ("--list", "--host", "--graph")

_SHARED = (
    *INVENTORY_OPTIONS, *VAULT_OPTIONS,
    click.option("--playbook-dir", default="", metavar="FOLDER",
                 help="Folder whose group_vars/ and host_vars/ count as the playbook's."),
)
_FORM = (
    click.option("-y", "--yaml", "is_yaml", is_flag=True, help="YAML, not JSON."),
    click.option("-e", "--extra-vars", "extra", multiple=True, metavar="K=V|JSON|@FILE",
                 help="Variables over those of every device."),
)
_LIST_FORM = (
    *_FORM,
    click.option("--export", "is_export", is_flag=True,
                 help="Variables where they were set, not merged per device."),
    click.option("--output", default="", metavar="FILE", help="Write there, not to stdout."),
)
_GRAPH_FORM = (
    click.option("--vars", "with_vars", is_flag=True, help="Show variables, too."),
)


class _Group(click.Group):
    """Takes ansible-inventory's flags in place of a subcommand."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Sends ``--list``, ``--host`` and ``--graph`` to the subcommand that knows them."""
        has_query = any(arg.partition("=")[0] in _QUERIES for arg in args)
        if has_query and not any(arg in self.commands for arg in args[:1]):
            args = ["query", *args]
        return super().parse_args(ctx, args)


def _load(flags: dict[str, Any]) -> Inventory:
    """The inventory that the shared flags name, its vault open."""
    from fleetrun.app.inventory import open_inventory  # noqa: PLC0415  # keeps --help quick

    open_vault(flags)
    inventory = open_inventory(
        flags["inventories"] or default_inventories(), flags["playbook_dir"]
    )
    for warning in inventory.warnings:
        click.echo(f"warning: {warning}", err=True)
    return inventory


def _view(
    flags: dict[str, Any], *, limit: str = "", is_export: bool = False, is_json: bool = False
) -> InventoryView:
    from fleetrun.app.inventory import view  # noqa: PLC0415  # keeps --help quick

    inventory = _load(flags)
    more = extra_vars(flags.get("extra", ()))
    return view(
        inventory, limit=limit_text(limit), extra_vars=more, is_export=is_export, is_json=is_json
    )


@click.group(cls=_Group, epilog=EXAMPLES)
def command() -> None:
    """List, draw and show devices and groups."""


@command.command("list", epilog=EXAMPLES)
@click.argument("pattern", default="all")
@click.option("--json", "is_json", is_flag=True, help="In the JSON of `ansible-inventory --list`.")
@add(_SHARED, _LIST_FORM)
def list_devices(
    pattern: str, is_json: bool, is_yaml: bool, is_export: bool, output: str, **flags: Any
) -> int:
    """List the devices that PATTERN names, one per line, or all as JSON or YAML."""
    from fleetrun.app.inventory import selected, unmatched  # noqa: PLC0415  # keeps --help quick

    if is_json or is_yaml or is_export or output:
        limit = flags["limit"] or (pattern if pattern != "all" else "")
        seen = _view(flags, limit=limit, is_export=is_export, is_json=not is_yaml)
        return _write_listing(seen, output, is_yaml=is_yaml)
    inventory, limit = _load(flags), limit_text(flags["limit"])
    devices = selected(inventory, pattern, limit)
    for message in unmatched(inventory, pattern, limit):
        click.echo(f"warning: {message}", err=True)
    for device in devices:
        click.echo(device)
    click.echo(f"{len(devices)} devices", err=True)
    return 0


@command.command("graph", epilog=EXAMPLES)
@click.argument("group", default="all")
@add(_SHARED, _GRAPH_FORM)
def graph(group: str, with_vars: bool, **flags: Any) -> int:
    """Draw GROUP (all) with its groups and devices as a tree, in Ansible's form."""
    return _draw(_view(flags), group, with_vars=with_vars)


@command.command("host", epilog=EXAMPLES)
@click.argument("device")
@add(_SHARED, _FORM)
def host(device: str, is_yaml: bool, **flags: Any) -> int:
    """Show the variables of DEVICE as JSON, as an executable inventory does."""
    return _write_host(_view(flags, is_json=not is_yaml), device, is_yaml=is_yaml)


@command.command("query", epilog=EXAMPLES)
@click.argument("group", default="all")
@click.option("--list", "wants_list", is_flag=True, help="Everything, as JSON.")
@click.option("--host", "device", default="", metavar="DEVICE", help="A device's variables.")
@click.option("--graph", "wants_graph", is_flag=True, help="Groups and devices as a tree.")
@add(_SHARED, _LIST_FORM, _GRAPH_FORM)
def query(
    group: str, wants_list: bool, device: str, wants_graph: bool, **flags: Any
) -> int:
    """Take ansible-inventory's flags; the word `query` may be left out."""
    if wants_list + bool(device) + wants_graph != 1:
        raise click.UsageError("give one of --list, --host DEVICE and --graph")
    if wants_graph:
        return _draw(_view(flags), group, with_vars=flags["with_vars"])
    if device:
        seen = _view(flags, is_json=not flags["is_yaml"])
        return _write_host(seen, device, is_yaml=flags["is_yaml"])
    seen = _view(
        flags, limit=flags["limit"], is_export=flags["is_export"], is_json=not flags["is_yaml"]
    )
    return _write_listing(seen, flags["output"], is_yaml=flags["is_yaml"])


def _draw(seen: InventoryView, group: str, *, with_vars: bool) -> int:
    if group not in seen.inventory.groups:
        raise _unknown("group", group, seen.inventory.groups)
    for line in seen.graph(group, with_vars=with_vars):
        click.echo(line)
    return 0


def _write_host(seen: InventoryView, device: str, *, is_yaml: bool) -> int:
    if device not in seen.inventory.devices:
        raise _unknown("device", device, seen.inventory.devices)
    click.echo(_formed(seen.device_vars(device), is_yaml=is_yaml))
    return 0


def _write_listing(seen: InventoryView, output: str, *, is_yaml: bool) -> int:
    text = _formed(seen.tree() if is_yaml else seen.listing(), is_yaml=is_yaml)
    if not output:
        click.echo(text)
        return 0
    try:
        Path(output).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {output}: {error.strerror}", kind="usage/output-file",
            hint="name a file in a folder that exists and is yours",
        ) from error
    return 0


def _formed(value: Any, *, is_yaml: bool) -> str:
    from fleetrun.app.inventory import as_yaml  # noqa: PLC0415  # keeps --help quick

    if is_yaml:
        return as_yaml(value).rstrip("\n")
    return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False, default=str)


@command.command("show", epilog=EXAMPLES)
@click.argument("name")
@add(_SHARED)
def show(name: str, **flags: Any) -> int:
    """Show a device's variables, or a group's members, as JSON."""
    seen = _view(flags)
    inventory = seen.inventory
    if name in inventory.devices:
        device = inventory.devices[name]
        shown: dict[str, Any] = {
            "device": name, "groups": list(device.groups), "vars": seen.device_vars(name),
        }
    elif name in inventory.groups:
        group = inventory.groups[name]
        shown = {
            "group": name, "children": list(group.children), "devices": list(group.devices),
        }
    else:
        raise _unknown("device or group", name, [*inventory.devices, *inventory.groups])
    click.echo(json.dumps(shown, ensure_ascii=False, default=str))
    return 0


def _unknown(what: str, name: str, known: Any) -> UsageError:
    from difflib import get_close_matches  # noqa: PLC0415  # keeps --help quick

    close = get_close_matches(name, list(known), 3)
    return UsageError(
        f"there is no {what} {name!r}", kind="usage/unknown-name",
        hint=f"did you mean {', '.join(close)}?" if close else "see `fleetrun inventory list`",
    )
