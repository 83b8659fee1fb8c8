"""fleetrun completion: a script for the shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from fleetrun.errors import UsageError


@click.command(epilog="""\b
Examples:
  fleetrun completion bash > ~/.local/share/bash-completion/completions/fleetrun
  fleetrun completion zsh > ~/.zfunc/_fleetrun
\b
Exit codes: 0 ok, 2 unknown shell.
""")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the completion script for SHELL."""
    from fleetrun.cli.main import cli  # noqa: PLC0415  # main imports this module

    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f"no completion for {shell}", kind="usage/unknown-shell")
    click.echo(found(cli, {}, "fleetrun", "_FLEETRUN_COMPLETE").source())
    return 0
