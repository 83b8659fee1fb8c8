"""``lookup()`` and ``query()``: the lookups that read no file and start no program."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import pass_context
from jinja2.utils import missing

from fleetrun.planning.filters.lists import flatten
from fleetrun.planning.filters.mappings import dict2items, subelements
from fleetrun.planning.templates_environment import Names
from fleetrun.planning.templates_functions import FilterError, check_args
from fleetrun.planning.templates_values import Budget, Missing

_SEQUENCE = re.compile(
    r"(?:(?P<start>-?\w+)-)?(?P<end>-?\w+)(?:/(?P<stride>-?\w+))?(?::(?P<format>.+))?", re.ASCII
)
_ABSENT = (
    "lookups read no file and start no program here; put the value into a variable "
    "or read it with a task"
)


class Lookups:
    """The functions ``lookup`` and ``query`` of one templater."""

    def __init__(
        self, budget: Budget, environment: Mapping[str, str],
        extra: Mapping[str, Callable[..., list[Any]]],
    ) -> None:
        self._budget = budget
        self._environment = environment
        self._extra = extra
        self._known: dict[str, Callable[..., list[Any]]] = {
            "dict": lambda *terms: [pair for term in terms for pair in dict2items(term)],
            "env": self._env,
            "flattened": lambda *terms: flatten(list(terms)),
            "indexed_items": lambda *terms: list(enumerate(_items(terms))),
            "items": lambda *terms: _items(terms),
            "list": lambda *terms: list(terms),
            "nested": self._nested,
            "cartesian": self._nested,
            "sequence": self._sequence,
            "subelements": lambda items, key: list(subelements(items, key)),
            "together": lambda *terms: list(itertools.zip_longest(*terms)),
        }

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Returns the functions by the names that templates call them by."""

        @pass_context
        def lookup(context: Names, name: str, *terms: Any, **options: Any) -> Any:
            is_list = options.pop("wantlist", False)
            found = self._find(context, name, terms, options)
            return found if is_list else _joined(found)

        @pass_context
        def query(context: Names, name: str, *terms: Any, **options: Any) -> list[Any]:
            options.pop("wantlist", None)
            return self._find(context, name, terms, options)

        return {"lookup": lookup, "query": query, "q": query}

    def _find(
        self, context: Names, name: str, terms: tuple[Any, ...], options: dict[str, Any]
    ) -> list[Any]:
        check_args((name, *terms))
        self._budget.spend(sum(len(term) for term in terms if isinstance(term, list)))
        short = name.removeprefix("ansible.builtin.")
        options.pop("errors", None)
        if short == "vars":
            return _vars(context, *terms, **options)
        if short == "varnames":
            return _varnames(context, *terms)
        find = self._extra.get(short) or self._known.get(short)
        if find is None:
            raise FilterError(f"there is no lookup '{name}': {_ABSENT}")
        return find(*terms, **options)

    def _env(self, *names: str, default: Any = "") -> list[Any]:
        return [self._environment.get(name, default) for name in names]

    def _nested(self, *terms: Any) -> list[Any]:
        lists = [term if isinstance(term, list) else [term] for term in terms]
        size = 1
        for each in lists:
            size *= len(each)
        self._budget.spend(size)
        return [list(row) for row in itertools.product(*lists)]

    def _sequence(self, *terms: str, **options: Any) -> list[str]:
        result: list[str] = []
        for settings in map(_sequence_settings, terms) if terms else [{}]:
            result += self._count({**settings, **options})
        return result

    def _count(self, settings: Mapping[str, Any]) -> list[str]:
        start, stride = (int(str(settings.get(name, 1)), 0) for name in ("start", "stride"))
        if "count" in settings:
            end = start + int(str(settings["count"]), 0) * stride - (1 if stride > 0 else -1)
        elif "end" in settings:
            end = int(str(settings["end"]), 0)
        else:
            raise FilterError("the lookup 'sequence' needs an end or a count")
        if stride == 0:
            return []
        numbers = range(start, end + (1 if stride > 0 else -1), stride)
        self._budget.spend(len(numbers))
        form = str(settings.get("format", "%d"))
        return [form % number for number in numbers]


def _sequence_settings(term: str) -> dict[str, Any]:
    if "=" in term:
        pairs = [word.partition("=") for word in shlex.split(term)]
        return {name: value for name, _, value in pairs}
    match = _SEQUENCE.fullmatch(term)
    if match is None:
        raise FilterError(f"the lookup 'sequence' cannot read {term!r}")
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _items(terms: tuple[Any, ...]) -> list[Any]:
    result: list[Any] = []
    for term in terms:
        result += term if isinstance(term, (list, tuple)) else [term]
    return result


def _vars(context: Names, *names: str, default: Any = missing) -> list[Any]:
    result = []
    for name in names:
        value = context.sandbox.force(context.sandbox.name(context.scope, name))
        if value is missing:
            value = Missing(name=name)
        if isinstance(value, Missing):
            if default is missing:
                value.use()
            value = default
        result.append(value)
    return result


def _varnames(context: Names, *patterns: str) -> list[str]:
    names = context.scope.names()
    return [
        name for pattern in patterns for name in names if re.search(pattern, name)
    ]


def _joined(found: list[Any]) -> Any:
    check_args(found)
    if all(isinstance(item, str) for item in found):
        return found[0] if len(found) == 1 else ",".join(found)
    return found[0] if len(found) == 1 else found
