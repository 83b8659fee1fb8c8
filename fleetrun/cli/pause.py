"""fleetrun pause: start no more devices of a run until `fleetrun promote`."""

from __future__ import annotations

import click

from fleetrun.cli.steering import wish
from fleetrun.model.run import WishKind


@click.command(epilog="""\b
Examples:
  fleetrun pause last
\b
Exit codes: 0 left for the run's engine, 2 unknown run, or one that is over.
""")
@click.argument("run")
def command(run: str) -> int:
    """Start no more devices of a run until `fleetrun promote`.

    RUN is an id, a prefix of one, or `last`. Works from any shell that can
    write the journal; what is wanted is journalled with who wanted it.
    """
    return wish(run, WishKind.PAUSE, "it is to pause")
