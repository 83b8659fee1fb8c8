"""fleetrun run: a playbook on devices."""

from __future__ import annotations

from typing import Any

import click

from fleetrun.cli.options import (
    INVENTORY_OPTIONS,
    OUTPUT_OPTIONS,
    RUN_OPTIONS,
    add,
    invocation,
    secrets,
)

PLAYBOOK_OPTIONS = (
    click.option("-t", "--tags", multiple=True, metavar="TAGS", help="Only tasks with these tags."),
    click.option("--skip-tags", multiple=True, metavar="TAGS", help="Not tasks with these tags."),
    click.option("--start-at-task", default="", metavar="NAME", help="Begin at this task."),
    click.option("--force-handlers", is_flag=True, help="Run handlers even if a task fails."),
    click.option("--step", is_flag=True, help="Ask before each task: no, yes, or yes to all."),
    click.option("--flush-cache", is_flag=True,
                 help="No effect: facts are kept within a run alone."),
    click.option(
        "--strict", is_flag=True,
        help="A condition that is neither true nor false is an error, as in ansible-core 2.19.",
    ),
    click.option("--seed", default="", help="Seed of the stable order (the run's id)."),
)

LIST_OPTIONS = (
    click.option("--list-hosts", is_flag=True, help="List the selected devices, run nothing."),
    click.option("--list-tasks", is_flag=True, help="List the tasks, run nothing."),
    click.option("--list-tags", is_flag=True, help="List the tags, run nothing."),
    click.option("--syntax-check", is_flag=True, help="Check the files, run nothing."),
)
_LISTS = ("list_hosts", "list_tasks", "list_tags", "syntax_check")


@click.command(epilog="""\b
Examples:
  fleetrun run playbooks/app-update.yml -i inventories/fleet.yml
  fleetrun run site.yml -i fleet.csv -l 'gateways:&site_berlin' -C -D
  fleetrun run site.yml -i fleet.ini -t config -f 200 -b -K
\b
Exit codes: 0 all ok, 2 wrong input, 3 a device failed, 4 only unreachable,
5 halted by a gate, 7 an outcome is unknown, 8 locked, 130 interrupted.
""")
@click.argument("playbook")
@add(INVENTORY_OPTIONS, PLAYBOOK_OPTIONS, RUN_OPTIONS, LIST_OPTIONS, OUTPUT_OPTIONS)
def command(**flags: Any) -> int:
    """Run PLAYBOOK on the devices that its plays select."""
    return run_playbook(**flags)


def run_playbook(**flags: Any) -> int:
    """Runs one playbook, or lists what it has; returns the exit code."""
    from fleetrun.app import load  # noqa: PLC0415  # keeps --help quick
    from fleetrun.cli import execute, listing  # noqa: PLC0415

    lists = {name: flags.pop(name) for name in _LISTS}
    loaded = load(invocation(**flags))
    if any(lists.values()):
        return listing.show(loaded, **lists)
    return execute.start(loaded, execute.Show.of(flags), secrets(flags))
