"""fleetrun doc: a module's documentation, from its specification."""

from __future__ import annotations

from difflib import get_close_matches

import click

from fleetrun.errors import UsageError
from fleetrun.model.module import ArgSpec, ModuleSpec


@click.command(epilog="""\b
Examples:
  fleetrun doc                  # all modules
  fleetrun doc lineinfile       # one of them
\b
Exit codes: 0 ok, 2 unknown module.
""")
@click.argument("module", default="")
def command(module: str) -> int:
    """Show the documentation of MODULE, or list all modules."""
    from fleetrun.app.sources import load_library  # noqa: PLC0415  # keeps --help quick

    library = load_library()
    if not module:
        for name in library.names():
            spec = library.get(name)
            click.echo(f"{name:<22} {spec.summary if spec else ''}")
        return 0
    spec = library.get(module)
    if spec is None:
        close = get_close_matches(module, library.names(), 3)
        raise UsageError(
            f"there is no module {module!r}", kind="usage/unknown-module",
            hint=f"did you mean {', '.join(close)}?" if close else "list them: fleetrun doc",
        )
    click.echo(page(spec))
    return 0


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
