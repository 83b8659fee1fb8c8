"""``lookup()``, ``query()`` and ``with_X``: one way to find, call and judge a lookup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError

from fleetrun.errors import FleetrunError
from fleetrun.planning.lookup_call import Lookup, LookupCall, Rendering
from fleetrun.planning.lookup_lists import LOOKUPS
from fleetrun.planning.scope import CONTROLLER, PendingValueError, Scope
from fleetrun.planning.templates_context import Names
from fleetrun.planning.templates_errors import did_you_mean
from fleetrun.planning.templates_functions import (
    VALUE_ERRORS,
    FilterError,
    check_args,
    random_choice,
)
from fleetrun.planning.templates_values import Budget, finish

_ERROR_MODES = ("strict", "warn", "ignore")
#: Lookups that read nothing outside of the run; the others wait for what may write there.
_PURE = LOOKUPS.keys() | {"env", "random_choice"}
#: Lookups whose terms may lack something: they look for what there is.
_LENIENT = frozenset({"first_found", "vars"})


class Lookups:
    """The functions ``lookup`` and ``query`` of one templater."""

    def __init__(
        self, budget: Budget, environment: Mapping[str, str], extra: Mapping[str, Lookup],
        rendering: Rendering, warn: Callable[[str], None],
    ) -> None:
        self._budget = budget
        self._rendering = rendering
        self._warn = warn
        #: By name.
        self.known: dict[str, Lookup] = {
            **LOOKUPS,
            "random_choice": random_choice,
            "env": lambda call: [
                environment.get(str(name), call.option("default", "")) for name in call.terms
            ],
            **extra,
        }

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Returns the functions by the names that templates call them by."""

        @pass_context
        def lookup(context: Names, name: str, *terms: Any, **options: Any) -> Any:
            is_list = options.pop("wantlist", False)
            found = self.find(context.scope, name, terms, options)
            if found is None:
                return [] if is_list else None
            return found if is_list else _joined(found)

        @pass_context
        def query(context: Names, name: str, *terms: Any, **options: Any) -> list[Any]:
            options.pop("wantlist", None)
            return self.find(context.scope, name, terms, options) or []

        return {"lookup": lookup, "query": query, "q": query}

    def add(self, lookups: Mapping[str, Lookup]) -> None:
        """Adds lookups, or puts them in place of others."""
        self.known |= lookups

    def has(self, name: str) -> bool:
        """True when there is such a lookup."""
        return name in self.known

    def find(
        self, scope: Scope, name: str, terms: tuple[Any, ...], options: dict[str, Any]
    ) -> list[Any] | None:
        """Returns what a lookup finds; None when it failed and `errors` says to go on."""
        check_args((name,))
        short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        look = self.known.get(short)
        if look is None:
            hint = did_you_mean(short, self.known)
            raise FilterError(f"there is no lookup '{name}'{f': {hint}' if hint else ''}")
        if short not in _LENIENT:
            check_args((*terms, *options.values()))
        self._budget.spend(4 + sum(len(term) for term in terms if isinstance(term, list)))
        if short not in _PURE and scope.is_pending(CONTROLLER):
            raise PendingValueError(CONTROLLER)
        mode = options.pop("errors", "strict")
        call = LookupCall(
            name=short, terms=tuple(map(_data, terms)), options=options, scope=scope,
            templater=self._rendering,
        )
        try:
            found = list(look(call))
        except (*VALUE_ERRORS, FleetrunError, TemplateRuntimeError) as error:
            if mode not in _ERROR_MODES[1:]:
                raise _failure(name, error) from error
            if mode == "warn":
                self._warn(f"the lookup '{name}' failed: {error}")
            return None
        self._budget.spend(len(found))
        return found


def _data(term: Any) -> Any:
    """A term as plain data; what is undefined stays so, for lookups that may take it."""
    try:
        return finish(term)
    except TemplateRuntimeError:
        return term


def _failure(name: str, error: BaseException) -> Exception:
    """Names the lookup, unless the error is about what was undefined."""
    if isinstance(error, TemplateRuntimeError) and not isinstance(error, FilterError):
        return error
    if isinstance(error, FleetrunError) and error.kind.startswith("template/"):
        return error
    return FilterError(f"the lookup '{name}' failed: {error}")


def _joined(found: list[Any]) -> Any:
    check_args(found)
    if found and all(isinstance(item, str) for item in found):
        return found[0] if len(found) == 1 else ",".join(found)
    return found[0] if len(found) == 1 else found
