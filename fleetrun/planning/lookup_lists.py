"""The lookups that need nothing but their arguments and the scope's variables."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from fleetrun.planning.filters.lists import flatten
from fleetrun.planning.filters.mappings import dict2items, subelements
from fleetrun.planning.lookup_call import Lookup, LookupCall
from fleetrun.planning.templates_values import BudgetError, Missing

_SEQUENCE = re.compile(
    r"(?:(?P<start>-?\w+)-)?(?P<end>-?\w+)(?:/(?P<stride>-?\w+))?(?::(?P<format>.+))?", re.ASCII
)
#: Most results that a lookup may make out of lists and numbers.
_MAX_RESULTS = 1_000_000


def _dict(call: LookupCall) -> list[Any]:
    return [pair for term in call.terms for pair in dict2items(term)]


def _items(call: LookupCall) -> list[Any]:
    return [item for term in call.terms for item in _listed(term)]


def _nested(call: LookupCall) -> list[Any]:
    if not call.terms:
        raise ValueError("it needs at least one list")
    lists = [_listed(term) for term in call.terms]
    _check_size(lists)
    return [flatten(list(row), levels=1, skip_nulls=False) for row in itertools.product(*lists)]


def _cartesian(call: LookupCall) -> list[Any]:
    lists = [_listed(term) for term in call.terms]
    if not lists:
        raise ValueError("it needs at least one list")
    _check_size(lists)
    return [list(row) for row in itertools.product(*lists)]


def _check_size(lists: Sequence[Sequence[Any]]) -> None:
    size = 1
    for each in lists:
        size *= len(each)
    if size > _MAX_RESULTS:
        raise BudgetError(f"a lookup would find {size:,} items; {_MAX_RESULTS:,} are allowed")


def _together(call: LookupCall) -> list[Any]:
    if not call.terms:
        raise ValueError("it needs at least one list")
    return [list(row) for row in itertools.zip_longest(*call.terms)]


def _subelements(call: LookupCall) -> list[Any]:
    terms = call.terms
    if len(terms) == 1 and isinstance(terms[0], (list, tuple)):
        terms = tuple(terms[0])
    if len(terms) not in {2, 3}:
        raise ValueError("it needs a list (or mapping), a key, and perhaps {skip_missing: true}")
    flags = terms[2] if len(terms) == 3 else {}
    if not isinstance(flags, Mapping):
        raise TypeError(f"its third argument is a mapping, not {type(flags).__name__}")
    skip = flags.get("skip_missing", False)
    is_skipping = str(skip).lower() in {"true", "yes", "1", "on"}
    pairs = subelements(_live(terms[0]), str(terms[1]), is_skipping)
    keys = str(terms[1]).split(".")
    return [[_without(item, keys), member] for item, member in pairs]


def _without(item: Any, keys: Sequence[str]) -> Any:
    """A copy of an item that lacks the list which was taken out of it (Ansible's rule)."""
    if len(keys) == 1:
        return {key: value for key, value in item.items() if key != keys[0]}
    return {**item, keys[0]: _without(item[keys[0]], keys[1:])}


def _live(items: Any) -> Any:
    """Without items that a task skipped: registered results of loops are used here."""
    if isinstance(items, list):
        return [i for i in items if not (isinstance(i, Mapping) and i.get("skipped") is True)]
    return items


def _sequence(call: LookupCall) -> list[str]:
    result: list[str] = []
    for settings in map(_sequence_settings, call.terms) if call.terms else [{}]:
        result += _count({**settings, **call.options})
    return result


def _count(settings: Mapping[str, Any]) -> list[str]:
    start, stride = (int(str(settings.get(name, 1)), 0) for name in ("start", "stride"))
    if "count" in settings:
        count = int(str(settings["count"]), 0)
        # None at all for 0, whatever the start.
        end = start + count * stride - (1 if stride > 0 else -1)
        stride = stride if count else 0
    elif "end" in settings:
        end = int(str(settings["end"]), 0)
    else:
        raise ValueError("it needs an end or a count")
    if stride == 0:
        return []
    numbers = range(start, end + (1 if stride > 0 else -1), stride)
    if stride > 0 and end < start and "count" not in settings:
        raise ValueError("to count backwards make stride negative")
    if len(numbers) > _MAX_RESULTS:
        raise BudgetError(f"it would count to {len(numbers):,}; {_MAX_RESULTS:,} are allowed")
    form = str(settings.get("format", "%d"))
    return [form % number for number in numbers]


def _sequence_settings(term: Any) -> dict[str, Any]:
    if isinstance(term, Mapping):
        return dict(term)
    term = str(term)
    if "=" in term:
        pairs = [word.partition("=") for word in shlex.split(term)]
        return {name: value for name, _, value in pairs}
    match = _SEQUENCE.fullmatch(term)
    if match is None:
        raise ValueError(f"it cannot read {term!r}")
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _vars(call: LookupCall) -> list[Any]:
    result = []
    for name in call.terms:
        if not isinstance(name, str):
            raise TypeError(f"a variable's name is a text, not {name!r}")
        value = call.templater.variable(name, call.scope)
        if isinstance(value, Missing):
            if "default" not in call.options:
                value.use()
            value = call.options["default"]
        result.append(value)
    return result


def _varnames(call: LookupCall) -> list[str]:
    if not all(isinstance(pattern, str) for pattern in call.terms):
        raise TypeError("its patterns are texts")
    names = call.scope.names()
    return [name for pattern in call.terms for name in names if re.search(pattern, name)]


def _listed(term: Any) -> list[Any]:
    return list(term) if isinstance(term, (list, tuple)) else [term]


LOOKUPS: Mapping[str, Lookup] = {
    "cartesian": _cartesian,
    "dict": _dict,
    "flattened": lambda call: flatten(list(call.terms)),
    "indexed_items": lambda call: [list(pair) for pair in enumerate(_items(call))],
    "items": _items,
    "list": lambda call: list(call.terms),
    "nested": _nested,
    "sequence": _sequence,
    "subelements": _subelements,
    "together": _together,
    "varnames": _varnames,
    "vars": _vars,
}
