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
    become_password,
    invocation,
)


@click.command(
    context_settings={"ignore_unknown_options": False},
    epilog="""\b
Examples:
  fleetrun exec all -i fleet.yml -- uname -r
  fleetrun exec 'gateways:!gw-07' -i fleet.yml -m shell -a 'df -h | tail -1'
  fleetrun exec sensors -i fleet.yml -m service -a 'name=app state=restarted' -b
\b
Identical output is folded: `498 devices: 6.1.21 / 2 devices: 5.10 (gw-07, gw-31)`.
Exit codes: as `fleetrun run`.
""",
)
@click.argument("pattern")
@click.argument("words", nargs=-1, metavar="[-- COMMAND...]")
@click.option("-m", "--module", default="", help="Module to run (command).")
@click.option("-a", "--args", "module_args", default="", help="Arguments of the module.")
@add(INVENTORY_OPTIONS, RUN_OPTIONS, OUTPUT_OPTIONS)
def command(words: tuple[str, ...], **flags: Any) -> int:
    """Run a command or a module on the devices that PATTERN names."""
    from fleetrun.app import Secrets, load  # noqa: PLC0415  # keeps --help quick
    from fleetrun.cli import execute  # noqa: PLC0415

    if bool(words) == bool(flags["module"] or flags["module_args"]):
        raise click.UsageError("give either `-- COMMAND` or `-m MODULE [-a ARGS]`")
    if words:
        # Kept in the journal, so that resume and retry know the words again.
        flags["module_args"] = shlex.join(words)
    show = execute.Show(output=flags["output"], verbosity=flags["verbosity"], folds=True)
    ask, file = flags["ask_become_pass"], flags["become_password_file"]
    loaded = load(invocation(**flags), command=words)
    passwords = Secrets(become=become_password(ask=ask, file=file))
    title = f"exec {flags['pattern']}: " + (" ".join(words) or flags["module"] or "command")
    return execute.start(loaded, show, passwords, title=title[:200])
