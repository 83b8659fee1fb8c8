"""fleetrun exec: one command or module, ad hoc."""

from __future__ import annotations

import shlex
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
from fleetrun.model.values import Value


@click.command(
    context_settings={"ignore_unknown_options": False},
    epilog="""\b
Examples:
  fleetrun exec all -i fleet.yml -- uname -r
  fleetrun exec 'gateways:!gw-07' -i fleet.yml -m shell -a 'df -h | tail -1'
  fleetrun exec sensors -i fleet.yml -m service -a 'name=app state=restarted' -b
  fleetrun exec all -i fleet.yml -m ping -o
  fleetrun exec all -i fleet.yml --canary 5 --then 10%,50%,100% -- systemctl restart app
\b
Identical output is folded: `498 devices: 6.1.21 / 2 devices: 5.10 (gw-07, gw-31)`.
Exit codes: as `fleetrun run`.
""",
)
@click.argument("pattern")
@click.argument("words", nargs=-1, metavar="[-- COMMAND...]")
@click.option("-m", "--module", default="", help="Module to run (command).")
@click.option("-a", "--args", "module_args", default="", help="Arguments of the module.")
@click.option("-o", "--one-line", is_flag=True, help="A line for each device, as --output oneline.")
@click.option("-t", "--tree", default="", metavar="FOLDER",
              help="Write each device's result there, too, as JSON.")
@click.option("-B", "--background", default=0, metavar="SECONDS", type=click.IntRange(0),
              help="Run in the background, and end it after so long.")
@click.option("-P", "--poll", default=15, show_default=True, metavar="SECONDS",
              type=click.IntRange(0), help="How often to ask for the end with -B; 0: do not.")
@click.option("--task-timeout", default=0, metavar="SECONDS", type=click.IntRange(0),
              help="Time that the command may take.")
@click.option("--canary", default="", metavar="N|N%",
              help="Run on so many first, in a stable order; go on when all of them succeeded.")
@click.option("--then", default="", metavar="N|N%,...",
              help="With --canary: the stages after it, cumulative (100%).")
@click.option("--soak", default="", metavar="SPAN",
              help="With --canary: wait so long after each stage but the last.")
@click.option("--list-hosts", is_flag=True, help="List the selected devices, run nothing.")
@add(INVENTORY_OPTIONS, RUN_OPTIONS, OUTPUT_OPTIONS)
def command(words: tuple[str, ...], **flags: Any) -> int:
    """Run a command or a module on the devices that PATTERN names."""
    from fleetrun.app import load, plan_plays  # noqa: PLC0415  # keeps --help quick
    from fleetrun.cli import execute  # noqa: PLC0415

    if bool(words) == bool(flags["module"] or flags["module_args"]):
        raise click.UsageError("give either `-- COMMAND` or `-m MODULE [-a ARGS]`")
    if words:
        # Kept in the journal, so that resume and retry know the words again.
        flags["module_args"] = shlex.join(words)
    if flags.pop("one_line"):
        flags["output"] = "oneline"
    flags["task_keywords"] = _keywords(flags)
    flags["stages"] = _stages(flags)
    lists = flags.pop("list_hosts")
    loaded = load(invocation(**flags), command=words)
    if lists:
        devices = [name for plan in plan_plays(loaded, "list") for name in plan.selection]
        click.echo(f"  hosts ({len(devices)}):\n" + "\n".join(f"    {name}" for name in devices))
        return 0
    title = f"exec {flags['pattern']}: " + (" ".join(words) or flags["module"] or "command")
    show = execute.Show.of(flags, folds=True)
    return execute.start(loaded, show, secrets(flags), title=title[:200])


def _stages(flags: dict[str, Any]) -> tuple[str, ...]:
    """What --canary and --then say, as sizes of stages."""
    canary, then = flags.pop("canary"), flags.pop("then")
    if not canary:
        if then or flags["soak"]:
            raise click.UsageError("--then and --soak go with --canary")
        return ()
    sizes = [size.strip() for size in (then or "100%").split(",") if size.strip()]
    return (canary, *sizes)


def _keywords(flags: dict[str, Any]) -> dict[str, Value]:
    """What the flags say of the task."""
    background, poll = flags.pop("background"), flags.pop("poll")
    timeout = flags.pop("task_timeout")
    keywords: dict[str, Value] = {"timeout": timeout} if timeout else {}
    return {**keywords, "async": background, "poll": poll} if background else keywords
