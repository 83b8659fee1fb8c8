"""What compiled templates see: a scope's names, unused until they are used.

Also how one template file reaches another (``include``, ``import``, ``extends``):
the other one gets the names of the first, and its own sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jinja2.environment import Template
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.utils import missing
from typing_extensions import override

from fleetrun.planning.scope import Scope

if TYPE_CHECKING:
    from fleetrun.planning.templates_environment import SandboxBase


class Lazy:
    """A variable, or a part of one, that nobody has used yet."""

    __slots__ = ("path", "raw", "scope", "store")

    def __init__(
        self, raw: Any, scope: Scope, path: str, store: dict[int, Any] | None = None
    ) -> None:
        self.raw = raw
        self.scope = scope
        self.path = path
        #: Where a template that changes values keeps its copies.
        self.store = store


class Names(Context):
    """What a template sees of a scope, beside its own ``{% set %}`` names."""

    def __init__(
        self, environment: SandboxBase, scope: Scope, local: dict[str, Any] | None = None
    ) -> None:
        # Context.__init__ is left out on purpose: it costs more than a render.
        self.environment = environment
        self.sandbox = environment
        self.scope = scope
        self.vars = {} if local is None else local
        self.parent = {}
        self.exported_vars = set()
        self.name = None
        self.globals_keys = set()
        self.blocks = {}
        #: Copies of the scope's values, for templates that change values.
        self.store: dict[int, Any] | None = {} if environment.copies else None

    @cached_property
    @override
    def eval_ctx(self) -> EvalContext:  # type: ignore[override]  # made only when a filter asks
        return EvalContext(self.environment, None)

    @override
    def resolve_or_missing(self, key: str) -> Any:
        if key in self.vars:
            return self.vars[key]
        value = self.sandbox.name(self.scope, key)
        if value.__class__ is Lazy and self.store is not None:
            value.store = self.store
        return value

    @override
    def derived(self, locals: dict[str, Any] | None = None) -> Names:
        local = {key: value for key, value in (locals or {}).items() if value is not missing}
        context = Names(self.sandbox, self.scope, {**self.vars, **local})
        context.blocks = {key: list(blocks) for key, blocks in self.blocks.items()}
        context.store = self.store
        return context

    @override
    def get_all(self) -> Names:  # type: ignore[override]  # only `ScopeTemplate` is given it
        return self

    @override
    def get_exported(self) -> dict[str, Any]:
        return {name: self.vars[name] for name in self.exported_vars}


class ScopeTemplate(Template):
    """A compiled template that runs against a scope, also when another one includes it."""

    environment: SandboxBase

    @override
    def new_context(  # type: ignore[override]  # takes what Names.get_all gives
        self, vars: Names | None = None, shared: bool = False,  # jinja2's name
        locals: Mapping[str, Any] | None = None,
    ) -> Names:
        """Returns the names that this template sees: the including one's, or none."""
        scope = vars.scope if vars is not None else Scope(())
        seen = {**(vars.vars if vars is not None else {}), **(locals or {})}
        names = Names(
            self.environment, scope,
            {name: value for name, value in seen.items() if value is not missing},
        )
        if vars is not None and vars.store is not None:
            names.store = vars.store
        names.blocks = {name: [block] for name, block in self.blocks.items()}
        return names
