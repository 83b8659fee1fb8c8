"""fleetrun approve: let a stage go on that waits for approval."""

from __future__ import annotations

import click

from fleetrun.cli.steering import wish
from fleetrun.model.run import WishKind


@click.command(epilog="""\b
Examples:
  fleetrun approve last
  fleetrun approve 1125-081503-9f3c --stage ask
\b
Exit codes: 0 left for the run's engine, 2 unknown run, or one that is over.
""")
@click.argument("run")
@click.option("--stage", default="", metavar="NAME",
              help="Only the stage of this name; may be given before it waits.")
def command(run: str, stage: str) -> int:
    """Let a stage go on that waits for approval.

    RUN is an id, a prefix of one, or `last`. Works from any shell that can
    write the journal; what is wanted is journalled with who wanted it.
    """
    return wish(run, WishKind.APPROVE, "the stage that waits is approved", stage=stage)
