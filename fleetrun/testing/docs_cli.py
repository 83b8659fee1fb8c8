"""docs/reference/cli.md, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from fleetrun.cli.main import cli

_INTRO: Final = """# Command line

<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->

Results go to stdout, narration to stderr. Every command has `-h` and `--help`.
[Exit codes](errors.md#exit-codes) mean the same everywhere;
[environment variables](config.md) stand on a page of their own.
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yields every command with its full name (``fleetrun runs show``), groups too."""
    yield from _below("fleetrun", cli)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _below(f"{path} {name}", found)


def cli_reference() -> str:
    """Returns the whole page as Markdown, with a newline at its end."""
    return "\n".join([_INTRO, *(_section(path, command) for path, command in commands())])


def _section(path: str, command: click.Command) -> str:
    parts = [f"## {path}\n", _flat(command.help or ""), "", f"    {_usage(path, command)}", ""]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        parts += ["| option | meaning |", "|---|---|", *map(_row, options), ""]
    parts += _epilog(command.epilog or "")
    return "\n".join(parts).rstrip("\n") + "\n"


def _usage(path: str, command: click.Command) -> str:
    words = [path]
    if any(isinstance(param, click.Option) for param in command.params):
        words.append("[OPTIONS]")
    words += [_argument(param) for param in command.params if isinstance(param, click.Argument)]
    if isinstance(command, click.Group):
        words.append("COMMAND")
    return " ".join(words)


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    if isinstance(argument.type, click.Choice) and not argument.metavar:
        name = "|".join(map(str, argument.type.choices))
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _row(option: click.Option) -> str:
    flags = ", ".join(sorted(option.opts, key=len)).replace("|", "\\|")
    value = "" if option.is_flag or option.count else f" {_metavar(option)}"
    facts = []
    if option.show_default and isinstance(option.default, str | int | float):
        facts.append(f"`{option.default}` if not given")
    if option.show_envvar and isinstance(option.envvar, str):
        facts.append(f"`{option.envvar}` in the environment does the same")
    meaning = "; ".join(filter(None, [_cell(option.help or ""), *facts]))
    return f"| `{flags}{value}` | {meaning} |"


def _metavar(option: click.Option) -> str:
    if option.metavar:
        return option.metavar.replace("|", "\\|")
    if isinstance(option.type, click.Choice):
        return "\\|".join(map(str, option.type.choices))
    return "N" if isinstance(option.type, click.types.IntParamType) else "TEXT"


def _epilog(text: str) -> Iterator[str]:
    """Examples as a block of shell, the rest as paragraphs."""
    examples = [line[2:] for line in text.splitlines() if line.startswith("  ")]
    rest = [
        line for line in text.splitlines()
        if not line.startswith("  ") and line.strip() not in {"\b", "Examples:"}
    ]
    if examples:
        yield from ("```sh", *examples, "```", "")
    yield "\n".join(rest).strip()


def _flat(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|").rstrip(".")
