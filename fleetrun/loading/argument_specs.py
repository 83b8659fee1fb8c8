"""A role's argument specs, and the task that checks arguments against them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fleetrun.errors import Mark
from fleetrun.loading.fields import Field, did_you_mean, type_name
from fleetrun.loading.role_files import task_file
from fleetrun.loading.sources import Sources
from fleetrun.model.playbook import Task
from fleetrun.model.values import Value
from fleetrun.planning.argument_spec import TYPES


def validation(
    sources: Sources, found: tuple[str, Path], meta: Mapping[str, Field], entry: str,
    problems: Field,
) -> Task | None:
    """The task that checks the arguments of a role's entry point; None without a spec.

    `found` are the role's name and folder, `entry` the name of the task file.
    """
    name, folder = found
    spec = _spec(sources, folder, meta, entry, problems)
    if spec is None:
        return None
    options = spec.child("options") if "options" in spec.value else None  # type: ignore[operator]  # a mapping
    if options is None or not isinstance(options.value, dict):
        return None
    _check_options(options)
    title = f"Validating arguments against arg spec '{entry}'"
    short = spec.value.get("short_description")  # type: ignore[attr-defined]  # a mapping
    context: dict[str, Value] = {
        "argument_spec_name": entry, "name": name, "path": str(folder), "type": "role",
    }
    return Task(
        id="", module="validate_argument_spec", name=f"{title} - {short}" if short else title,
        mark=Mark(file=spec.mark.file, line=spec.mark.line, column=spec.mark.column),
        args={"argument_spec": options.value, "validate_args_context": context},
        tags=frozenset({"always"}),
    )


def _spec(
    sources: Sources, folder: Path, meta: Mapping[str, Field], entry: str, problems: Field
) -> Field | None:
    """The spec of an entry point: in a file of its own, or in meta/main.yml."""
    path = task_file(folder, "meta", "argument_specs")
    specs = sources.open(path, problems.problems) if path else None
    if specs is not None and isinstance(specs.value, dict) and "argument_specs" in specs.value:
        specs = specs.child("argument_specs")
    elif path is None:
        specs = meta.get("argument_specs")
    if specs is None or specs.value is None:
        return None
    if not isinstance(specs.value, dict):
        specs.complain(
            "input/type", f"`argument_specs` must be a mapping, not {type_name(specs.value)}",
            hint="write the name of each entry point, such as `main:`",
        )
        return None
    if not isinstance(specs.value.get(entry), dict):
        return None
    return specs.child(entry)


def _check_options(options: Field) -> None:
    """Notes options whose type does not exist."""
    for option in options.children():
        if not isinstance(option.value, dict):
            option.complain(
                "input/type", f"the spec of `{option.key}` must be a mapping, "
                f"not {type_name(option.value)}",
            )
            continue
        for key in ("type", "elements"):
            kind = option.value.get(key)
            if kind is not None and kind not in TYPES:
                option.child(key).complain(
                    "input/unknown-value", f"unknown type `{kind}` of the option `{option.key}`",
                    label=did_you_mean(str(kind), TYPES), allowed=TYPES,
                )
        if isinstance(option.value.get("options"), dict):
            _check_options(option.child("options"))
