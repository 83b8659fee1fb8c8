"""fleetrun plan: what a run would do."""

from __future__ import annotations

from typing import Any

import click

from fleetrun.cli.options import INVENTORY_OPTIONS, RUN_OPTIONS, add, as_json, invocation
from fleetrun.cli.run import PLAYBOOK_OPTIONS
from fleetrun.errors import ExitCode


@click.command(epilog="""\b
Examples:
  fleetrun plan playbooks/app-update.yml -i inventories/fleet.yml
  fleetrun plan site.yml -i fleet.csv -o site.plan && fleetrun apply site.plan
\b
Exit codes: 0 ok, 2 wrong input, 6 devices are selected (with --exit-code).
""")
@click.argument("playbook")
@click.option("-o", "--out", default="", metavar="FILE", help="Save the plan for `apply`.")
@click.option("--exit-code", is_flag=True, help="Exit 6 when there is something to do.")
@click.option("--output", default="text", type=click.Choice(["text", "json"]), show_default=True,
              help="json: the plan as one object on stdout.")
@add(INVENTORY_OPTIONS, PLAYBOOK_OPTIONS, RUN_OPTIONS)
def command(out: str, exit_code: bool, output: str, **flags: Any) -> int:
    """Show stages, waves and counts of PLAYBOOK; contacts nothing."""
    from fleetrun.app import load, new_run_id, plan_plays  # noqa: PLC0415  # keeps --help quick
    from fleetrun.planfile import plan_document, write_plan  # noqa: PLC0415

    flags["seed"] = flags["seed"] or new_run_id()
    loaded = load(invocation(**flags))
    plans = plan_plays(loaded, flags["seed"])
    document = plan_document(loaded, plans)
    if out:
        write_plan(out, document)
        click.echo(f"saved to {out}; run it with `fleetrun apply {out}`", err=True)
    if output == "json":
        click.echo(as_json(document))
    else:
        _show(document)
    return int(ExitCode.CHANGES if exit_code else ExitCode.OK)


def _show(document: dict[str, Any]) -> None:
    for play in document["plays"]:
        count = sum(len(wave) for stage in play["stages"] for wave in stage["waves"])
        click.echo(
            f"play {play['index'] + 1}: {play['name']} - {count} devices, "
            f"{play['tasks']} tasks, at most {play['concurrency']} at a time"
        )
        for stage in play["stages"]:
            size = sum(len(wave) for wave in stage["waves"])
            click.echo(f"  stage {stage['name']}: {size} devices; gate: {stage['gate']}")
            for name, wave in zip(play["waves"], stage["waves"], strict=False):
                if wave:
                    click.echo(f"    wave {name}: {len(wave)}  {_names(wave)}")


def _names(devices: list[str], shown: int = 5) -> str:
    more = f", +{len(devices) - shown}" if len(devices) > shown else ""
    return ", ".join(devices[:shown]) + more
