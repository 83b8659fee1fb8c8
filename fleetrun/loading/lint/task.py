"""A task as the rules see it: its keywords, its module, its arguments in the file."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from fleetrun.errors import InputError
from fleetrun.loading.fields import Field
from fleetrun.loading.modules import ModuleLibrary, canonical_name
from fleetrun.model.module import ModuleSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class LintTask:
    """One task. `args` are those that stand as a mapping; `text` is the free form."""

    field: Field
    keys: Mapping[str, Field]
    #: The module's own name, and where it stands.
    module: str
    action: Field
    spec: ModuleSpec | None
    args: Mapping[str, Field]
    text: str
    library: ModuleLibrary


def lint_task(
    field: Field, keys: Mapping[str, Field], library: ModuleLibrary, keywords: Set[str]
) -> LintTask | None:
    """Returns the task; None when it names no module in the usual way."""
    named = [name for name in keys if name not in keywords]
    if len(named) != 1:
        return None
    module = canonical_name(named[0])
    try:
        spec = library.get(module)
    except InputError:
        spec = None
    action = keys[named[0]]
    holders = [one for one in (action, keys.get("args")) if one is not None]
    children = [
        child for one in holders if isinstance(one.value, dict) for child in one.children()
    ]
    return LintTask(
        field=field, keys=keys, module=module, action=action, spec=spec, library=library,
        args={str(child.pointer[-1]): child for child in children},
        text=action.value if isinstance(action.value, str) else "",
    )
