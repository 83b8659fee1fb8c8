"""fleetrun config: settings, and where they come from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

EXAMPLES = """\b
Examples:
  fleetrun config show
  fleetrun config show --origin
  fleetrun config show --all --output json
\b
A flag beats the environment, that beats ./fleetrun.toml, ~/.config/fleetrun/config.toml,
/etc/fleetrun/config.toml and ansible.cfg, in this order. Exit codes: 0 ok, 2 wrong input.
"""


@click.group(epilog=EXAMPLES)
def command() -> None:
    """Show settings and where they come from."""


@command.command("show", epilog=EXAMPLES)
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@click.option("--all", "shows_all", is_flag=True, help="Settings that nobody set, too.")
@click.option("--output", default="text", type=click.Choice(["text", "json"]), show_default=True,
              help="json: one object on stdout.")
def show(origin: bool, shows_all: bool, output: str) -> int:
    """Show the settings that files and environment set."""
    from fleetrun.config import SETTINGS, read_config  # noqa: PLC0415  # keeps --help quick

    config = read_config(os.environ, cwd=Path.cwd(), home=Path.home())
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    found = dict(config.found)
    if config.callback is not None:
        found.setdefault("output", config.callback)
    if output == "json":
        plain = {name: {"value": one.value, "origin": one.origin} for name, one in found.items()}
        click.echo(json.dumps(plain, default=str))
        return 0
    for setting in SETTINGS:
        one = found.get(setting.name)
        if one is not None:
            value = json.dumps(one.value, default=str, ensure_ascii=False)
            click.echo(f"{setting.name} = {value}" + (f"    # {one.origin}" if origin else ""))
        elif shows_all:
            click.echo(f"# {setting.name}: {setting.doc}")
    return 0
