"""fleetrun replay: derive a run's decisions again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from fleetrun.errors import ExitCode

if TYPE_CHECKING:
    from fleetrun.app.replaying import ReplayReport


@click.command(epilog="""\b
Examples:
  fleetrun replay last
\b
Exit codes: 0 all decisions follow from the journal, 1 one does not, 2 unknown
run, or its files changed since.
""")
@click.argument("run")
@click.option("--accept-changed", multiple=True, metavar="FILE",
              help="Replay though this file was edited; `inventory` means all of its files.")
def command(run: str, accept_changed: tuple[str, ...]) -> int:
    """Derive every decision of RUN again from its journal; contacts nothing.

    Stages, gates, halts, skips, waits, and who started next: the rollout's
    machine is told what happened, and must decide what the run decided.
    """
    report = asyncio.run(_replay(run, accept_changed))
    for difference in report.differences:
        click.echo(f"✗ {difference}")
    if report.unclear:
        click.echo(f"{report.unclear} starts took the place of devices that waited for others, "
                   "which no journal has", err=True)
    if report.differences:
        click.echo(f"{report.matched} decisions follow from the journal; then it differs")
        return int(ExitCode.INTERNAL)
    click.echo(f"✓ all {report.matched} decisions follow from the journal")
    return int(ExitCode.OK)


async def _replay(run: str, accepted: tuple[str, ...]) -> ReplayReport:
    from fleetrun.app.replaying import replay  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.running import open_journal  # noqa: PLC0415

    async with open_journal() as journal:
        return await replay(journal, run, accepted)
