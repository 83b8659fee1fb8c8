"""fleetrun doc: documentation of modules, keywords, filters, tests and lookups."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from fleetrun.errors import UsageError
from fleetrun.model.module import ArgSpec, ModuleSpec

_JINJA = "One of Jinja's own: https://jinja.palletsprojects.com"


@click.command(epilog="""\b
Examples:
  fleetrun doc                  # all modules
  fleetrun doc lineinfile       # one of them
  fleetrun doc -M library motd  # one of your own
  fleetrun doc -t keyword serial
  fleetrun doc -t filter combine
\b
Exit codes: 0 ok, 2 unknown name.
""")
@click.argument("name", default="")
@click.option("-t", "--type", "kind", default="module", show_default=True,
              type=click.Choice(["module", "keyword", "filter", "test", "lookup"]),
              help="What NAME is.")
@click.option("-M", "--module-path", multiple=True, metavar="FOLDER",
              help="Folder of modules of your own; library/ is always looked at.")
def command(name: str, kind: str, module_path: tuple[str, ...]) -> int:
    """Show the documentation of a module, keyword, filter, test or lookup, or list all."""
    if kind == "module":
        return _module(name, [Path("library"), *map(Path, module_path)])
    from fleetrun.app import vocabulary  # noqa: PLC0415  # keeps --help quick

    table = vocabulary.keywords() if kind == "keyword" else vocabulary.functions()[kind]
    if not name:
        for known, text in table.items():
            click.echo(f"{known:<22} {text.splitlines()[0] if text else ''}".rstrip())
        return 0
    short = name.removeprefix("ansible.builtin.")
    if short not in table:
        raise _unknown(short, kind, tuple(table), f"fleetrun doc -t {kind}")
    click.echo(f"{short} ({kind})\n\n{table[short] or _JINJA}")
    return 0


def _module(name: str, folders: Sequence[Path]) -> int:
    from fleetrun.app.sources import load_library  # noqa: PLC0415  # keeps --help quick

    library = load_library(folders)
    if not name:
        for known in library.names():
            spec = library.get(known)
            click.echo(f"{known:<22} {spec.summary if spec else ''}")
        return 0
    spec = library.get(name)
    if spec is None:
        raise _unknown(name, "module", library.names(), "fleetrun doc")
    click.echo(page(spec))
    return 0


def _unknown(name: str, kind: str, names: Sequence[str], lists: str) -> UsageError:
    close = get_close_matches(name, names, 3)
    error_kind = "usage/unknown-module" if kind == "module" else "usage/unknown-word"
    return UsageError(
        f"there is no {kind} {name!r}", kind=error_kind,
        hint=f"did you mean {', '.join(close)}?" if close else f"list them: {lists}",
    )


def page(spec: ModuleSpec) -> str:
    """Returns the documentation of a module as text."""
    lines = [f"{spec.name} - {spec.summary}", ""]
    # Names that begin with _ are between the controller and the module.
    shown = [arg for arg in spec.args.values() if not arg.name.startswith("_")]
    lines += ["Arguments:", *map(_argument, shown)] if shown else []
    lines += [f"  at least one of: {', '.join(group)}" for group in spec.one_of]
    lines += [f"  at most one of: {', '.join(group)}" for group in spec.exclusive]
    facts = [
        f"check mode: {spec.check_mode.value}",
        f"diff: {'yes' if spec.diff else 'no'}",
        f"idempotent: {'yes' if spec.idempotent else 'no, runs under a receipt'}",
    ]
    if spec.needs:
        facts.append(f"needs on the device: {', '.join(spec.needs)}")
    lines += ["", *facts]
    lines += ["", *(f"note: {note}" for note in spec.notes)] if spec.notes else []
    if spec.returns:
        lines += ["", "Returns:", *(f"  {key}: {text}" for key, text in spec.returns.items())]
    if spec.examples:
        lines += ["", "Examples:", *(f"  {line}" for line in spec.examples.splitlines())]
    return "\n".join(lines)


def _argument(arg: ArgSpec) -> str:
    facts = [arg.type.value]
    if arg.required:
        facts.append("required")
    if arg.default is not None:
        facts.append(f"default {_scalar(arg.default)}")
    if arg.choices:
        facts.append("one of " + ", ".join(dict.fromkeys(map(_scalar, arg.choices))))
    if arg.aliases:
        facts.append("alias " + ", ".join(arg.aliases))
    if arg.secret:
        facts.append("never logged")
    return f"  {arg.name} ({'; '.join(facts)}): {' '.join(arg.description.split())}"


def _scalar(value: object) -> str:
    """A value as a playbook has it, on one line."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()
