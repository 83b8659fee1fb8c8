"""docs/reference/modules.md and modules/*.md, made from the modules' specifications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fleetrun.loading.modules import ModuleLibrary, load_library
from fleetrun.model.module import ArgSpec, ArgType, CheckMode, ModuleKind, ModuleSpec

_INTRO: Final = """# Modules

<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->

`fleetrun doc MODULE` shows the same in a terminal. A module may be written with
Ansible's prefix: `ansible.builtin.copy` is `copy`.
"""

_MADE: Final = "<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->\n"

_CHECK: Final[Mapping[CheckMode, str]] = {
    CheckMode.FULL: "says truly what would change, and touches nothing",
    CheckMode.SKIP: "is skipped",
    CheckMode.READ_ONLY: "runs as always, as it never changes a device",
}

_WHERE: Final[Mapping[ModuleKind, str]] = {
    ModuleKind.DEVICE: "on the device",
    ModuleKind.PREPARED: "on the device, with what the controller prepares",
    ModuleKind.CONTROLLER: "on the controller, without a round trip",
    ModuleKind.DIALOGUE: "in a dialogue between controller and device",
    ModuleKind.INCLUDE: "on the controller: it changes the list of tasks",
}


def modules_reference(library: ModuleLibrary | None = None) -> str:
    """Returns the index of all modules, by family, as Markdown."""
    shown = library or load_library()
    specs = [spec for name in shown.names() if (spec := shown.get(name)) is not None]
    parts = [_INTRO]
    for family in sorted({spec.family for spec in specs}):
        parts += [f"## {family}\n", "| module | does |", "|---|---|"]
        parts += [
            f"| [{spec.name}](modules/{spec.name}.md) | {_cell(_sentence(spec.summary))} |"
            for spec in specs if spec.family == family
        ]
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"


def module_page(spec: ModuleSpec) -> str:
    """Returns the page of one module as Markdown."""
    parts = [f"# {spec.name}\n", _MADE, _sentence(spec.summary), "", *_facts(spec), ""]
    shown = [arg for arg in spec.args.values() if not arg.name.startswith("_")]
    if shown:
        parts += ["## Arguments\n", "| argument | takes | default | meaning |", "|---|---|---|---|"]
        parts += [*map(_row, shown), ""]
    if spec.returns:
        parts += ["## Returns\n", "| key | meaning |", "|---|---|"]
        parts += [f"| `{key}` | {_cell(text)} |" for key, text in spec.returns.items()] + [""]
    parts += ["## Notes\n"] * bool(spec.notes) + [f"{_sentence(note)}\n" for note in spec.notes]
    if spec.examples:
        parts += ["## Examples\n", "```yaml", spec.examples.rstrip("\n"), "```", ""]
    parts.append("All modules: [modules](../modules.md)")
    return "\n".join(parts) + "\n"


def _facts(spec: ModuleSpec) -> Iterator[str]:
    yield f"- Runs {_WHERE[spec.kind]}."
    if spec.free_form:
        yield "- Takes free text after its name."
    yield f"- Under `--check` it {_CHECK[spec.check_mode]}" + (
        "; `--diff` shows the change." if spec.diff else "."
    )
    if spec.kind in {ModuleKind.DEVICE, ModuleKind.PREPARED, ModuleKind.DIALOGUE}:
        yield "- Safe to run twice." if spec.idempotent else (
            "- Not safe to run twice, so it runs under a receipt and is never repeated silently."
        )
    if spec.needs:
        yield f"- Needs {_names(spec.needs)} on the device."
    for group in spec.one_of:
        yield f"- At least one of {_names(group)}."
    for group in spec.exclusive:
        yield f"- At most one of {_names(group)}."


def _row(arg: ArgSpec) -> str:
    takes = f"list of {arg.elements.value}" if arg.type is ArgType.LIST else arg.type.value
    if arg.choices:
        # A line break may be given as itself or as its escape: one cell for both.
        takes = " \\| ".join(dict.fromkeys(f"`{_scalar(choice)}`" for choice in arg.choices))
    default = "*required*" if arg.required else ""
    if arg.default is not None:
        default = f"`{_scalar(arg.default)}`"
    meaning = _cell(arg.description)
    if arg.secret:
        meaning += " Never logged."
    if arg.aliases:
        meaning += f" Also {_names(arg.aliases)}."
    return f"| `{arg.name}` | {takes} | {default} | {meaning.strip()} |"


def _scalar(value: object) -> str:
    """A value as a playbook has it, on one line."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _sentence(text: str) -> str:
    flat = " ".join(text.split())
    return flat if flat.endswith((".", ":", "!", "?")) else f"{flat}."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
