"""Filters of community.general in common use."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleetrun.planning.filters.mappings import merge
from fleetrun.planning.versions import loose_key

#: Seconds in each unit; a month is 30 days and a year 365.
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0,
            "mo": 2592000.0, "y": 31536000.0}
_UNIT_NAMES = {
    "milliseconds": "ms", "seconds": "s", "minutes": "m", "hours": "h", "days": "d",
    "weeks": "w", "months": "mo", "years": "y",
}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_HEX = "0123456789abcdef"


def lists_mergeby(*terms: Any, **options: Any) -> list[Any]:
    """Returns lists of mappings merged into one by the value they have at an index."""
    if len(terms) < 2:
        raise ValueError("lists_mergeby needs lists and the name of the key")
    lists, index = _flat_lists(terms[:-1]), terms[-1]
    recursive, how = options.get("recursive", False), options.get("list_merge", "replace")
    merged: dict[Any, dict[Any, Any]] = {}
    for item in itertools.chain.from_iterable(lists):
        if not isinstance(item, Mapping):
            raise TypeError(f"lists_mergeby: an item is no mapping: {item!r:.60}")
        if index in item:
            low = merged.get(item[index], {})
            merged[item[index]] = merge(low, item, recursive=recursive, list_merge=how)
    return [merged[key] for key in sorted(merged)]


def _flat_lists(values: Sequence[Any]) -> list[Sequence[Any]]:
    flat: list[Sequence[Any]] = []
    for value in values:
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"lists_mergeby: {value!r:.60} is no list")
        is_list_of_lists = bool(value) and all(isinstance(each, (list, tuple)) for each in value)
        flat += _flat_lists(value) if is_list_of_lists else [value]
    return flat


def random_mac(value: Any, seed: str | None = None) -> str:
    """Returns a MAC address that begins with `value`; the same `seed` gives the same one.

    Ansible's, too, differs without a seed by chance; here the prefix is the seed.
    """
    text = str(value).lower().strip(":")
    parts = text.split(":")
    if not text or len(parts) > 5 or any(not re.fullmatch("[a-f0-9]{2}", part) for part in parts):
        raise ValueError(f"random_mac: {value!r} is no beginning of a MAC address, xx:xx:...")
    digest = hashlib.sha256(f"{text}/{seed}".encode()).hexdigest()
    rest = [digest[at:at + 2] for at in range(0, 2 * (6 - len(parts)), 2)]
    return ":".join(parts + rest)


def to_pairs(value: Any) -> dict[Any, Any]:
    """Returns the mapping that a list of pairs describes (``community.general.dict``)."""
    return dict(value)


def dict_kv(value: Any, key: Any) -> dict[Any, Any]:
    """Returns {key: value}."""
    return {key: value}


def counter(value: Any) -> dict[Any, int]:
    """Returns how often each item is there."""
    if not isinstance(value, Sequence):
        raise TypeError(f"counter needs a sequence, got a {type(value).__name__}")
    return dict(Counter(value))


def groupby_as_dict(value: Any, attribute: str) -> dict[Any, Any]:
    """Returns the items of a list by the value each has at `attribute`."""
    result: dict[Any, Any] = {}
    for item in value:
        if item[attribute] in result:
            raise ValueError(f"groupby_as_dict: {item[attribute]!r} is there twice")
        result[item[attribute]] = item
    return result


def version_sort(value: Any, reverse: bool = False) -> list[Any]:
    """Returns version numbers in order."""
    return sorted(value, key=lambda text: loose_key(str(text)), reverse=reverse)


def unicode_normalize(value: str, form: str = "NFC") -> str:
    """Returns a text in one of Unicode's normal forms."""
    return unicodedata.normalize(form, value)  # type: ignore[arg-type]  # checked there


def crc32(value: Any) -> str:
    """Returns the CRC-32 of a text."""
    return f"{zlib.crc32(str(value).encode()) & 0xFFFFFFFF:x}"


def accumulate(value: Any) -> list[Any]:
    """Returns the sums of a list so far."""
    return list(itertools.accumulate(value))


def to_time_unit(value: Any, unit: str = "ms", **units: float) -> float:
    """Returns a span such as "1h 30m" in a unit."""
    seconds = {**_SECONDS}
    for name, amount in units.items():
        seconds[{"year": "y", "month": "mo"}[name]] = amount * 86400.0
    spent, rest = 0.0, str(value)
    if re.fullmatch(r"\s*0+\s*", rest):
        return 0.0
    for number, name in _SPAN.findall(rest):
        spent += float(number) * seconds[_unit(name)]
    if _SPAN.sub("", rest).strip() or not rest.strip():
        raise ValueError(f"cannot read the span {value!r}")
    return round(spent / seconds[_unit(unit)], 12)


def _unit(name: str) -> str:
    short = name.lower()
    aliases = {"msec": "ms", "sec": "s", "min": "m", "hour": "h", "day": "d", "week": "w",
               "month": "mo", "year": "y", "millisecond": "ms", "second": "s", "minute": "m"}
    found = short if short in _SECONDS else aliases.get(short.removesuffix("s"))
    if found is None:
        raise ValueError(f"unknown unit of time {name!r}")
    return found


def _to(unit: str) -> Callable[..., float]:
    return lambda value, **units: to_time_unit(value, unit, **units)


def keep_keys(value: Any, target: Any, matching_parameter: str = "equal") -> list[Any]:
    """Returns a list of mappings with the keys that match only."""
    is_wanted = _matcher(target, matching_parameter)
    return [{key: item[key] for key in item if is_wanted(key)} for item in value]


def remove_keys(value: Any, target: Any, matching_parameter: str = "equal") -> list[Any]:
    """Returns a list of mappings without the keys that match."""
    is_wanted = _matcher(target, matching_parameter)
    return [{key: item[key] for key in item if not is_wanted(key)} for item in value]


def replace_keys(value: Any, target: Any, matching_parameter: str = "equal") -> list[Any]:
    """Returns a list of mappings with keys renamed: [{before: ..., after: ...}]."""
    pairs = [(_matcher(each["before"], matching_parameter), each["after"]) for each in target]

    def renamed(key: Any) -> Any:
        return next((after for is_wanted, after in pairs if is_wanted(key)), key)

    return [{renamed(key): item[key] for key in item} for item in value]


def _matcher(target: Any, how: str) -> Callable[[Any], bool]:
    wanted = list(target) if isinstance(target, (list, tuple)) else [target]
    tests: Mapping[str, Callable[[str, str], bool]] = {
        "equal": lambda key, text: key == text,
        "starts_with": lambda key, text: key.startswith(text),
        "ends_with": lambda key, text: key.endswith(text),
        "regex": lambda key, text: re.match(text, key) is not None,
    }
    if how not in tests:
        raise ValueError(f"matching_parameter is one of {', '.join(tests)}, not {how!r}")
    test = tests[how]
    return lambda key: any(test(str(key), str(text)) for text in wanted)


def _lists(join: Callable[[list[Any], list[Any]], list[Any]]) -> Callable[..., list[Any]]:
    """A set operation over any number of lists that keeps their order."""

    def apply(value: Any, *others: Any, flatten: bool = False) -> list[Any]:
        lists = [value, *others]
        if flatten:
            lists = [part for each in lists for part in each]
        result = list(lists[0])
        for other in lists[1:]:
            result = join(result, list(other))
        return [item for at, item in enumerate(result) if item not in result[:at]]

    return apply


FILTERS: Mapping[str, Callable[..., Any]] = {
    "accumulate": accumulate,
    "counter": counter,
    "crc32": crc32,
    "dict": to_pairs,
    "dict_kv": dict_kv,
    "groupby_as_dict": groupby_as_dict,
    "keep_keys": keep_keys,
    "lists_difference": _lists(lambda a, b: [item for item in a if item not in b]),
    "lists_intersect": _lists(lambda a, b: [item for item in a if item in b]),
    "lists_mergeby": lists_mergeby,
    "lists_symmetric_difference": _lists(
        lambda a, b: [i for i in a if i not in b] + [i for i in b if i not in a]
    ),
    "lists_union": _lists(lambda a, b: a + b),
    "random_mac": random_mac,
    "remove_keys": remove_keys,
    "replace_keys": replace_keys,
    "to_time_unit": to_time_unit,
    **{f"to_{name}": _to(unit) for name, unit in _UNIT_NAMES.items()},
    "unicode_normalize": unicode_normalize,
    "version_sort": version_sort,
}
