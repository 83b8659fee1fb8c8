"""fleetrun retry: a new run on the devices that did not make it."""

from __future__ import annotations

from typing import Any

import click

from fleetrun.cli.former import devices_of, outcomes
from fleetrun.cli.options import OUTPUT_OPTIONS, PASSWORD_OPTIONS, add, secrets


@click.command(epilog="""\b
Examples:
  fleetrun retry last --only failed,unreachable
  fleetrun retry 1123-1015 --only cancelled
\b
Exit codes: as `fleetrun run`.
""")
@click.argument("run")
@click.option("--only", default="failed,unreachable", show_default=True, metavar="OUTCOMES",
              help="Which outcomes to try again.")
@add(PASSWORD_OPTIONS, OUTPUT_OPTIONS)
def command(run: str, only: str, **flags: Any) -> int:
    """Run RUN's playbook again on the devices with the named outcomes."""
    from dataclasses import replace  # noqa: PLC0415  # keeps --help quick

    from fleetrun.app import load_again  # noqa: PLC0415
    from fleetrun.cli import execute  # noqa: PLC0415

    wanted = outcomes(only, flag="--only")
    record = execute.find_run(run)
    _, devices = devices_of(record.run, wanted)
    invocation = replace(record.invocation, limit=",".join(devices), retry_of=record.run)
    loaded = load_again(replace(record, invocation=invocation))
    show = execute.Show.of(flags, folds=not invocation.playbook)
    title = f"retry of {record.run}: {record.title}"
    return execute.start(loaded, show, secrets(flags), title=title)
