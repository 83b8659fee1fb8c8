"""What a lookup is given. The pure ones are in `templates_lookups`; those that read
files, start programs or ask the network are handed in from outside.

A lookup runs on the controller, and only because the operator's text says so: its
arguments may hold what a device said, its name may not. What it gives is data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from fleetrun.model.playbook import Task
from fleetrun.model.values import TemplateText, Value
from fleetrun.planning.scope import Scope, ScopeView


class Rendering(Protocol):
    """What a lookup may ask the templater for."""

    def render_text(self, text: TemplateText, scope: Scope, **options: Any) -> str:
        """Returns the text that a template file gives; `options` are Jinja's."""
        ...

    def variable(self, name: str, scope: Scope) -> Any:
        """Returns a variable's rendered value; a `Missing` when there is none."""
        ...

    def view(self, scope: Scope) -> ScopeView:
        """Returns `scope` as a mapping of rendered values."""
        ...

    def render(self, value: Value, scope: Scope) -> Value:
        """Returns `value` with every template in it rendered."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupCall:
    """One call: ``lookup('name', *terms, **options)``."""

    name: str
    terms: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope
    templater: Rendering

    def option(self, name: str, default: Any = None) -> Any:
        """Returns an option, or `default` when it is not given or None."""
        value = self.options.get(name)
        return default if value is None else value


#: Returns the results in order; raises FleetrunError or ValueError.
Lookup: TypeAlias = Callable[[LookupCall], Sequence[Any]]


class TemplateFile(Protocol):
    """Finds the template files that templates include, import and extend."""

    def __call__(self, name: str, parent: str, task: Task | None) -> TemplateText | None:
        """Returns the file `name` beside the one at `parent`, or where `task` looks.

        Its mark names its path. None when there is none; raises FleetrunError.
        """
        ...
