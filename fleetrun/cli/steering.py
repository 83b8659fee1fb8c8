"""What approve, pause, promote and abort share: a wish for a run, through the journal."""

from __future__ import annotations

import asyncio

import click

from fleetrun.errors import UsageError
from fleetrun.model.run import RunRecord, RunState, Wish, WishKind


def wish(run: str, kind: WishKind, done: str, *, stage: str = "") -> int:
    """Leaves a wish for RUN; says what becomes of it. Raises UsageError for a run that is over."""
    record = asyncio.run(_leave(run, kind, stage))
    if record.owner:
        click.echo(f"run {record.run}: {done}; {record.owner} hears of it within a second",
                   err=True)
    else:
        click.echo(f"run {record.run}: {done}, once it goes on; nobody drives it now\n"
                   f"  next: fleetrun resume {record.run}", err=True)
    return 0


async def _leave(run: str, kind: WishKind, stage: str) -> RunRecord:
    from fleetrun.app.fleet import operator  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.running import open_journal  # noqa: PLC0415

    async with open_journal() as journal:
        record = await journal.find_run(run)
        if record.state in {RunState.FINISHED, RunState.HALTED}:
            raise UsageError(
                f"the run {record.run} is over ({record.state})", kind="usage/run-is-over",
                hint="see the runs that go on: fleetrun runs list",
            )
        await journal.add_wish(record.run, Wish(kind=kind, by=operator(), stage=stage))
    return record
