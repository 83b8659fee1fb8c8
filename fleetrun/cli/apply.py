"""fleetrun apply: runs a saved plan."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from fleetrun.cli.options import OUTPUT_OPTIONS, PASSWORD_OPTIONS, add, secrets
from fleetrun.errors import UsageError
from fleetrun.model.run import Invocation


@click.command(epilog="""\b
Examples:
  fleetrun plan site.yml -i fleet.yml -o site.plan
  fleetrun apply site.plan
\b
Exit codes: as `fleetrun run`; 2 when the plan is stale.
""")
@click.argument("plan")
@add(PASSWORD_OPTIONS, OUTPUT_OPTIONS)
def command(plan: str, **flags: Any) -> int:
    """Run PLAN exactly as it was saved, or say what changed since."""
    from fleetrun import planfile  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app import enter, load, plan_plays  # noqa: PLC0415
    from fleetrun.cli import execute  # noqa: PLC0415

    saved = planfile.read_plan(plan)
    plan = str(Path(plan).absolute())
    enter(saved["cwd"])
    loaded = load(planfile.plan_invocation(saved))
    plans = plan_plays(loaded, loaded.invocation.seed)
    changed = planfile.differences(saved, planfile.plan_document(loaded, plans))
    if changed:
        raise UsageError(
            "the plan is stale: " + "; ".join(changed), kind="usage/stale-plan",
            hint=f"in {saved['cwd']}: {_plan_again(loaded.invocation, plan)}",
        )
    show = execute.Show.of(flags)
    return execute.start(loaded, show, secrets(flags))


def _plan_again(invocation: Invocation, plan: str) -> str:
    inventories = [word for path in invocation.inventories for word in ("-i", path)]
    return shlex.join(["fleetrun", "plan", invocation.playbook, *inventories, "-o", plan])
