"""fleetrun resume: goes on with a run."""

from __future__ import annotations

from typing import Any

import click

from fleetrun.cli.options import OUTPUT_OPTIONS, PASSWORD_OPTIONS, add, secrets
from fleetrun.model.run import Decision


@click.command(epilog="""\b
Examples:
  fleetrun resume last
  fleetrun resume 1123-101500-ab12 -K
  fleetrun resume last --rerun 'flash the image'
  fleetrun resume last --accept-changed inventory
\b
What was unknown is settled by asking the devices for their receipts; what is
done is not done again. A step that was interrupted and is not safe to repeat stays
unknown until --rerun or --assume-done names it; the journal keeps who said so.
Exit codes: as `fleetrun run`; 8 when another engine still runs it.
""")
@click.argument("run")
@click.option("--rerun", multiple=True, metavar="STEP",
              help="Run this interrupted step once more; its name, or its key.")
@click.option("--assume-done", multiple=True, metavar="STEP",
              help="Take this interrupted step as done and changed.")
@click.option("--accept-changed", multiple=True, metavar="FILE",
              help="Go on though this file was edited; `inventory` means all of its files.")
@add(PASSWORD_OPTIONS, OUTPUT_OPTIONS)
def command(run: str, **flags: Any) -> int:
    """Go on with RUN (an id, a prefix of one, or `last`)."""
    from fleetrun.app import ResumeWishes, load_again  # noqa: PLC0415  # keeps --help quick
    from fleetrun.cli import execute  # noqa: PLC0415

    record = execute.find_run(run)
    loaded = load_again(record)
    flags["ask_become_pass"] = flags["ask_become_pass"] or (
        record.invocation.ask_become_pass and not flags["become_password_file"]
    )
    show = execute.Show.of(flags, folds=not record.invocation.playbook)
    decisions = dict.fromkeys(flags["rerun"], Decision.RERUN)
    decisions |= dict.fromkeys(flags["assume_done"], Decision.DONE)
    wishes = ResumeWishes(accepted=flags["accept_changed"], decisions=decisions)
    return execute.go_on(record, loaded, show, secrets(flags), wishes)
