"""fleetrun runs: what was run."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import click

from fleetrun.model.run import RunRecord

EXAMPLES = """\b
Examples:
  fleetrun runs list
  fleetrun runs show last
  fleetrun runs show last --output json | jq -c 'select(.type=="device_finished")'
\b
Exit codes: 0 ok, 2 unknown run.
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """List runs, show one."""


@command.command("list", epilog=EXAMPLES)
@click.option("-n", "--number", default=20, show_default=True, help="How many, the latest first.")
def list_runs(number: int) -> int:
    """List the latest runs."""

    async def read() -> list[RunRecord]:
        from fleetrun.app.running import open_journal  # noqa: PLC0415  # keeps --help quick

        async with open_journal() as journal:
            return list(await journal.runs(limit=number))

    for record in asyncio.run(read()):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created_at))
        code = "" if record.exit_code is None else f"exit {record.exit_code}"
        click.echo(f"{record.run}  {when}  {record.state:<11}  {code:<8}  {record.title}")
    return 0


@command.command("show", epilog=EXAMPLES)
@click.argument("run")
@click.option("--output", default="text",
              type=click.Choice(["text", "json", "ansible"]), show_default=True,
              help="json: one event per line on stdout.")
@click.option("-v", "--verbose", "verbosity", count=True, help="Show every task too.")
def show(run: str, output: str, verbosity: int) -> int:
    """Show RUN (an id, a prefix of one, or `last`) as it was reported."""
    return asyncio.run(_show(run, output, verbosity))


async def _show(run: str, output: str, verbosity: int) -> int:
    from fleetrun.app.running import open_journal  # noqa: PLC0415
    from fleetrun.app.terminal import Look, replay_reporters  # noqa: PLC0415

    shown = replay_reporters(Look(output=output, verbosity=verbosity))
    kinds: Counter[str] = Counter()
    async with open_journal() as journal:
        record = await journal.find_run(run)
        if output == "text":
            click.echo(f"run {record.run}: {record.title} ({record.state})")
        async for event in journal.events(record.run):
            kinds[event.type] += 1
            for reporter in shown:
                await reporter.handle(event)
        for reporter in shown:
            await reporter.close()
    if output == "text" and not kinds["run_finished"]:
        click.echo(f"this run has not ended; next: fleetrun resume {record.run}", err=True)
    return 0
