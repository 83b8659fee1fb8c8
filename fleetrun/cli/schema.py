"""fleetrun schema: JSON Schemas, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

KINDS = ("playbook", "tasks", "inventory", "meta")


@click.command(epilog="""\b
Examples:
  fleetrun schema > ~/.config/fleetrun/playbook.json
  fleetrun schema tasks -M library > tasks.json
\b
In a playbook's first line, for yaml-language-server:
  # yaml-language-server: $schema=/home/me/.config/fleetrun/playbook.json
\b
Exit codes: 0 ok, 2 wrong input.
""")
@click.argument("kind", default="playbook", type=click.Choice(KINDS))
@click.option("-M", "--module-path", multiple=True, metavar="FOLDER",
              help="Folder of modules of your own.")
def command(kind: str, module_path: tuple[str, ...]) -> int:
    """Print the JSON Schema (draft 7) of playbooks, task files, inventories or role metas."""
    from fleetrun.app.sources import load_library, schema  # noqa: PLC0415  # keeps --help quick

    library = load_library([Path(folder) for folder in module_path])
    click.echo(json.dumps(schema(kind, library), indent=1, default=str))
    return 0
