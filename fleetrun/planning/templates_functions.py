"""Filters and functions that look at the scope, and the guard around all filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from random import Random
from typing import Any

from jinja2 import filters as builtin_filters
from jinja2 import pass_context, pass_environment
from jinja2 import tests as builtin_tests
from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Undefined

from fleetrun.planning.filters import COLLECTIONS, FILTERS
from fleetrun.planning.lookup_call import LookupCall
from fleetrun.planning.template_tests import TESTS
from fleetrun.planning.templates_context import Names
from fleetrun.planning.templates_environment import CALL_STEPS, SandboxBase
from fleetrun.planning.templates_limits import check_percent, check_replace
from fleetrun.planning.templates_values import PLAIN, Budget, BudgetError, Missing, finish

#: What filters and tests raise when they cannot do with what they were given.
VALUE_ERRORS = (
    TypeError, ValueError, LookupError, ArithmeticError, AttributeError, re.error,
    RecursionError,
)

#: Filters whose numbers are widths and counts of what they make.
_WIDTH_FILTERS = frozenset({"batch", "center", "indent", "slice"})

_SEED_NAMES = ("fleetrun_run", "inventory_hostname")


class FilterError(TemplateRuntimeError):
    """A filter or test could not do with what it was given."""


def guarded(name: str, kind: str, function: Callable[..., Any], budget: Budget) -> Any:
    """Returns `function` as a filter or test of templates.

    An undefined argument is the result (so that ``x | upper | default('')``
    works), errors name the filter, iterators become lists, and the call is
    paid for.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        cost = CALL_STEPS
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if isinstance(arg, Undefined):
                return arg
            if arg.__class__ is list:
                cost += len(arg)
        budget.spend(cost)
        try:
            result = function(*args, **kwargs)
            if result.__class__ not in PLAIN and isinstance(result, Iterator):
                result = list(result)
        except TemplateRuntimeError:
            raise
        except VALUE_ERRORS as error:
            raise FilterError(f"the {kind} '{name}' failed: {error}") from error
        if result.__class__ is str:
            budget.check_size(len(result))
        return result

    return call


def _sized(name: str, function: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """Returns `function`, which refuses widths that would make too long a result."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for arg in (*args[1:], *kwargs.values()):
            budget.check_size(arg if isinstance(arg, int) else 0)
        return function(*args, **kwargs)

    return call


def filters(budget: Budget, extra: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Returns all filters by name, also under ``ansible.builtin.``."""
    functions: dict[str, Callable[..., Any]] = {
        **builtin_filters.FILTERS, **FILTERS,
        "extract": extract, "random": random, "shuffle": shuffle,
    }
    functions["replace"] = _checked_replace(budget)
    functions["format"] = _checked_format(budget)
    functions["join"] = _checked_join(budget)
    functions |= extra
    table = {name: guarded(name, "filter", call, budget) for name, call in functions.items()}
    for name in _WIDTH_FILTERS:
        table[name] = _sized(name, table[name], budget)
    table |= {"default": default, "d": default, "mandatory": mandatory}
    full = {f"ansible.builtin.{name}": call for name, call in table.items()}
    for collection, names in COLLECTIONS.items():
        full |= {f"{collection}.{name}": table[name] for name in names}
    return table | full


def tests(budget: Budget, extra: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Returns all tests by name, also under ``ansible.builtin.``."""
    functions = {**builtin_tests.TESTS, **TESTS, **extra}
    table: dict[str, Any] = {
        name: guarded(name, "test", call, budget)  # type: ignore[arg-type]  # jinja2 says `object`
        for name, call in functions.items()
    }
    for name in ("defined", "undefined"):
        table[name] = builtin_tests.TESTS[name]
    return table | {f"ansible.builtin.{name}": call for name, call in table.items()}


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """Returns `value`, or `default_value` when it is undefined (or false, if `boolean`)."""
    if isinstance(value, Undefined) or (boolean and not value):
        return default_value
    return value


def mandatory(value: Any, msg: str = "") -> Any:
    """Returns `value`; raises the error `msg` when it is undefined."""
    if isinstance(value, Missing):
        path = f" '{value.path}'" if value.path else ""
        raise FilterError(msg or f"the mandatory variable{path} is not defined")
    return value


@pass_environment
def extract(
    environment: SandboxBase, key: Any, container: Any, morekeys: Any = None
) -> Any:
    """Returns ``container[key]``, then what `morekeys` lead to in it."""
    more = morekeys if isinstance(morekeys, (list, tuple)) else [morekeys]
    value = container
    for each in (key, *(each for each in more if each is not None)):
        value = environment.getitem(value, each)
    return value


@pass_context
def random(
    context: Names, end: Any, start: Any = None, step: Any = None, seed: Any = None
) -> Any:
    """Returns a number below `end`, or an item of the list `end`.

    The same seed gives the same choice as Ansible. Without one the run and the
    device are the seed: devices differ, a resumed run does not.
    """
    source = Random(_seed(context, end) if seed is None else seed)  # noqa: S311  # no secret
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    if start or step:
        raise ValueError("start and step are for numbers")
    return source.choice(end)


@pass_context
def shuffle(context: Names, value: Any, seed: Any = None) -> list[Any]:
    """Returns the list in an order that depends on `seed`, else on run and device."""
    items = list(value)
    Random(_seed(context, items) if seed is None else seed).shuffle(items)  # noqa: S311
    return items


def random_choice(call: LookupCall) -> list[Any]:
    """Returns one of the terms: another one by device, the same on resume."""
    if not call.terms:
        return []
    names = [call.templater.variable(name, call.scope) for name in _SEED_NAMES]
    known = [None if isinstance(name, Missing) else name for name in names]
    return [Random(f"{known}:{len(call.terms)}").choice(call.terms)]  # noqa: S311  # no secret


def _seed(context: Names, end: Any) -> str:
    names = [context.sandbox.force(context.resolve_or_missing(name)) for name in _SEED_NAMES]
    size = end if isinstance(end, int) else len(end)
    return f"{names}:{size}"


def undef(hint: str = "") -> Missing:
    """Returns an undefined value; `hint` is the message when it is used."""
    return Missing(hint or "a mandatory variable was not overridden")


def _checked_replace(budget: Budget) -> Callable[..., Any]:
    builtin = builtin_filters.FILTERS["replace"]

    @wraps(builtin)
    def replace(eval_ctx: Any, text: Any, old: Any, new: Any, count: Any = None) -> Any:
        check_replace(budget, str(text), old, new)
        return builtin(eval_ctx, text, old, new, count)

    return replace


def _checked_format(budget: Budget) -> Callable[..., Any]:
    builtin = builtin_filters.FILTERS["format"]

    def format_text(form: Any, *args: Any, **kwargs: Any) -> Any:
        check_percent(budget, str(form), args)
        return builtin(form, *map(finish, args), **kwargs)

    return format_text


def _checked_join(budget: Budget) -> Callable[..., Any]:
    builtin = builtin_filters.FILTERS["join"]

    @wraps(builtin)
    def join(eval_ctx: Any, value: Any, d: Any = "", attribute: Any = None) -> Any:
        items = list(value)
        budget.check_size(len(items) * len(str(d)))
        return builtin(eval_ctx, items, d, attribute)

    return join


def check_args(values: Sequence[Any]) -> None:
    """Raises the error of the first undefined value."""
    for value in values:
        if isinstance(value, Missing):
            value.use()


__all__ = [
    "VALUE_ERRORS", "BudgetError", "FilterError", "check_args", "filters", "random_choice", "tests",
    "undef",
]
