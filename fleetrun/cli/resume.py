"""fleetrun resume: goes on with a run."""

from __future__ import annotations

from typing import Any

import click

from fleetrun.cli.options import OUTPUT_OPTIONS, PASSWORD_OPTIONS, add, secrets


@click.command(epilog="""\b
Examples:
  fleetrun resume last
  fleetrun resume 1123-101500-ab12 -K
\b
What was unknown is settled by asking the devices for their receipts; what is
done is not done again. Exit codes: as `fleetrun run`; 8 when another engine
still runs it.
""")
@click.argument("run")
@add(PASSWORD_OPTIONS, OUTPUT_OPTIONS)
def command(run: str, **flags: Any) -> int:
    """Go on with RUN (an id, a prefix of one, or `last`)."""
    from fleetrun.app import load_again  # noqa: PLC0415  # keeps --help quick
    from fleetrun.cli import execute  # noqa: PLC0415

    record = execute.find_run(run)
    loaded = load_again(record)
    flags["ask_become_pass"] = flags["ask_become_pass"] or (
        record.invocation.ask_become_pass and not flags["become_password_file"]
    )
    show = execute.Show.of(flags, folds=not record.invocation.playbook)
    return execute.go_on(record, loaded, show, secrets(flags))
