"""fleetrun retry: a new run on the devices that did not make it."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from fleetrun.cli.options import OUTPUT_OPTIONS, PASSWORD_OPTIONS, add, secrets
from fleetrun.errors import UsageError
from fleetrun.model.result import Outcome


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

    wanted = _outcomes(only)
    record = execute.find_run(run)
    devices = asyncio.run(_devices(record.run, wanted))
    if not devices:
        raise UsageError(
            f"no device of run {record.run} is {' or '.join(sorted(wanted))}",
            kind="usage/nothing-to-retry", hint=f"fleetrun runs show {record.run}",
        )
    invocation = replace(record.invocation, limit=",".join(devices), retry_of=record.run)
    loaded = load_again(replace(record, invocation=invocation))
    show = execute.Show.of(flags, folds=not invocation.playbook)
    title = f"retry of {record.run}: {record.title}"
    return execute.start(loaded, show, secrets(flags), title=title)


def _outcomes(text: str) -> frozenset[Outcome]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = names - {outcome.value for outcome in Outcome}
    if unknown or not names:
        raise UsageError(
            f"--only {text!r} names no outcome: {', '.join(sorted(unknown)) or 'empty'}",
            kind="usage/unknown-outcome", hint=f"known: {', '.join(Outcome)}",
        )
    return frozenset(Outcome(name) for name in names)


async def _devices(run: str, wanted: frozenset[Outcome]) -> tuple[str, ...]:
    from fleetrun.app import final_outcomes  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.running import open_journal  # noqa: PLC0415

    async with open_journal() as journal:
        final = await final_outcomes(journal, run)
    return tuple(device for device, outcome in final.items() if outcome in wanted)
