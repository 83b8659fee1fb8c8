"""``module_defaults``: arguments that a task need not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fleetrun.loading.fields import Field, did_you_mean, nearest, type_name
from fleetrun.loading.modules import canonical_name
from fleetrun.model.module import ModuleSpec

Defaults = Mapping[str, Field]


def read_defaults(field: Field, outer: Defaults) -> Defaults:
    """`outer` with the modules at `field` on top; an inner one replaces the outer's whole."""
    parts = field.children() if isinstance(field.value, list) else [field]
    found = dict(outer)
    for part in parts:
        if not isinstance(part.value, dict):
            part.complain(
                "input/type", f"`module_defaults` must be a mapping, not {type_name(part.value)}",
                hint="write MODULE: {ARGUMENT: VALUE}",
            )
            continue
        for child in part.children():
            name = str(child.pointer[-1])
            if name.startswith("group/"):
                child.complain(
                    "input/unsupported-keyword", f"`{name}` is a group of modules of a collection",
                    mark=child.key_mark, hint="write the defaults for each module by its name",
                )
            elif isinstance(child.value, dict):
                found[canonical_name(name)] = child
            elif child.value is not None:
                child.complain(
                    "input/type", f"the defaults of `{name}` must be a mapping, "
                    f"not {type_name(child.value)}",
                )
    return found


def complain_unknown(defaults: Defaults, names: tuple[str, ...]) -> None:
    """Notes defaults for modules whose name was probably meant to be another."""
    for name, field in defaults.items():
        if name not in names and nearest(name, names, 0.8):
            field.complain(
                "input/unknown-module", f"there is no module `{name}`", mark=field.key_mark,
                label=did_you_mean(name, names),
            )


def without_given(defaults: Field, given: Mapping[str, object], spec: ModuleSpec) -> Field:
    """`defaults` less what the task says itself, under any name of the argument."""
    names = {alias: arg.name for arg in spec.args.values() for alias in arg.aliases}
    said = {names.get(name, name) for name in given}
    kept = {
        name: value for name, value in defaults.value.items()  # type: ignore[attr-defined]  # a mapping, see read_defaults
        if names.get(str(name), str(name)) not in said
    }
    return replace(defaults, value=kept)
