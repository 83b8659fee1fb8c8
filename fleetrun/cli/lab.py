"""fleetrun lab: simulated devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fleetrun.errors import UsageError

EXAMPLES = """\b
Examples:
  fleetrun lab up --devices 50 --types rpi4,rpi3,x86-gw --faults offline=4%,slow=2%
  fleetrun exec all -i "$(fleetrun lab list --inventory)" -- hostname
  fleetrun lab down
\b
Exit codes: 0 ok, 2 wrong input, 9 this machine cannot run a lab.
"""


def lab_root() -> Path:
    """Returns the folder that holds all labs."""
    from fleetrun.app.places import state_folder  # noqa: PLC0415  # keeps --help quick

    return state_folder() / "labs"


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Simulated devices on this machine, each with a root of its own."""


@command.command("up", epilog=EXAMPLES)
@click.option("--name", default="lab", show_default=True, help="Name of the lab.")
@click.option("--devices", "count", default=50, show_default=True, type=click.IntRange(1, 5000),
              help="How many.")
@click.option("--types", default="rpi4,rpi3,x86-gw", show_default=True, metavar="A,B,…",
              help="Device types, dealt out in turn.")
@click.option("--faults", default="", metavar="F=SHARE,…",
              help="offline=4%,slow=2%,flaky=1%,disk-full=1%,read-only=1%,bad-update=TYPE")
@click.option("--seed", default="lab", show_default=True, help="Seed of the faults.")
@click.option("--port", default=2222, show_default=True, type=click.IntRange(1, 65535),
              help="Port of every device; each has an address of its own.")
def up(name: str, count: int, types: str, faults: str, seed: str, port: int) -> int:
    """Start a lab; prints the path of its inventory."""
    from fleetrun.lab import control  # noqa: PLC0415  # keeps --help quick
    from fleetrun.lab.faults import parse_faults  # noqa: PLC0415

    kinds = tuple(kind.strip() for kind in types.split(",") if kind.strip())
    if not kinds:
        raise UsageError("--types names no type", kind="usage/no-types")
    lab = control.up(
        lab_root(), name=name, count=count, types=kinds, faults=parse_faults(faults, seed),
        port=port,
    )
    click.echo(f"{count} devices are up (lab {name}, process {lab.pid})", err=True)
    click.echo(lab.inventory)
    return 0


@command.command("down", epilog=EXAMPLES)
@click.argument("name", default="lab")
def down(name: str) -> int:
    """Stop a lab and remove its folder."""
    from fleetrun.lab import control  # noqa: PLC0415  # keeps --help quick

    lab = control.read(lab_root() / name)
    if lab is None:
        raise UsageError(
            f"there is no lab {name!r}", kind="usage/no-lab", hint="see `fleetrun lab list`"
        )
    control.down(lab)
    click.echo(f"lab {name} is down", err=True)
    return 0


@command.command("list", epilog=EXAMPLES)
@click.option("--inventory", is_flag=True, help="Print only paths of inventories.")
def list_labs(**flags: Any) -> int:
    """List labs: name, devices, up or down, inventory."""
    from fleetrun.lab import control  # noqa: PLC0415  # keeps --help quick

    for lab in control.labs(lab_root()):
        if flags["inventory"]:
            click.echo(lab.inventory)
        else:
            state = "up" if lab.is_up else "down"
            click.echo(f"{lab.name}\t{lab.device_count} devices\t{state}\t{lab.inventory}")
    return 0
