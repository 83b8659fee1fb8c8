"""fleetrun graph: which groups wait for which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from fleetrun.cli.options import INVENTORY_OPTIONS, RUN_OPTIONS, add, invocation
from fleetrun.cli.run import PLAYBOOK_OPTIONS
from fleetrun.errors import UsageError


@click.command(epilog="""\b
Examples:
  fleetrun graph site.yml -i fleet.yml
  fleetrun graph site.yml -i fleet.yml --format mermaid
  fleetrun graph site.yml -i fleet.yml --format svg -o graph.svg
\b
Exit codes: 0 ok, 2 wrong input (a cycle, an unknown group).
""")
@click.argument("playbook")
@click.option("--format", "form", default="text", show_default=True,
              type=click.Choice(["text", "dot", "mermaid", "svg"]), help="How to draw it.")
@click.option("--play", "number", default=None, metavar="N", type=click.IntRange(1),
              help="Only the Nth play (svg: the first with a graph).")
@click.option("-o", "--out", default="", metavar="FILE", help="Write there, not to stdout.")
@add(INVENTORY_OPTIONS, PLAYBOOK_OPTIONS, RUN_OPTIONS)
def command(form: str, number: int | None, out: str, **flags: Any) -> int:
    """Draw the graph of groups of PLAYBOOK; contacts nothing."""
    from fleetrun.app import load, plan_plays  # noqa: PLC0415  # keeps --help quick
    from fleetrun.app.plans import graph_views  # noqa: PLC0415
    from fleetrun.planning.graph_view import draw  # noqa: PLC0415

    loaded = load(invocation(**flags))
    views = graph_views(loaded, plan_plays(loaded, "graph"))
    if number:
        if number > len(views):
            raise UsageError(f"the playbook has {len(views)} plays", kind="usage/no-such-play",
                             hint="give --play from 1 on")
        views = [views[number - 1]]
    elif form == "svg":
        # One picture per file.
        views = [view for view in views if view.columns][:1] or views[:1]
    text = "\n".join(draw(views, form))
    if out:
        Path(out).write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)
    return 0
