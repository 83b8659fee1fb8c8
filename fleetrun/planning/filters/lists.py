"""Filters on lists: sets, flatten, zip, product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

#: Most items that a product, a permutation or a combination may have.
_MAX_ITEMS = 1_000_000


def flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    """Returns the list without nesting (`levels` deep); None items fall away."""
    result: list[Any] = []
    for item in value:
        if skip_nulls and item in (None, "None", "null"):
            continue
        if not isinstance(item, (list, tuple)):
            result.append(item)
        elif levels is None:
            result += flatten(item, skip_nulls=skip_nulls)
        elif levels >= 1:
            result += flatten(item, levels - 1, skip_nulls)
        else:
            result.append(item)
    return result


def unique(
    value: Any, case_sensitive: bool | None = None, attribute: str | None = None
) -> list[Any]:
    """Returns the first of each; texts that differ in case only are the same.

    Ansible's rule: case counts only when asked for.
    """
    keys = (_key(_at(item, attribute), bool(case_sensitive)) for item in value)
    return [item for item, is_new in zip(value, _is_new(keys), strict=True) if is_new]


def union(value: Any, other: Any) -> list[Any]:
    """Returns what is in either list, without duplicates, in order."""
    both = [*value, *other]
    return [item for item, is_new in zip(both, _is_new(both), strict=True) if is_new]


def intersect(value: Any, other: Any) -> list[Any]:
    """Returns what is in both lists, without duplicates, in order."""
    is_in = _membership(other)
    return [item for item in union(value, ()) if is_in(item)]


def difference(value: Any, other: Any) -> list[Any]:
    """Returns what is only in the first list, without duplicates, in order."""
    is_in = _membership(other)
    return [item for item in union(value, ()) if not is_in(item)]


def symmetric_difference(value: Any, other: Any) -> list[Any]:
    """Returns what is in exactly one of the lists, without duplicates."""
    return [*difference(value, other), *difference(other, value)]


def zip_lists(value: Any, *others: Any) -> list[tuple[Any, ...]]:
    """Returns the lists item by item, as long as the shortest."""
    return list(zip(value, *others, strict=False))


def zip_longest(value: Any, *others: Any, fillvalue: Any = None) -> list[tuple[Any, ...]]:
    """Returns the lists item by item, as long as the longest."""
    return list(itertools.zip_longest(value, *others, fillvalue=fillvalue))


def product(value: Any, *others: Any, repeat: int = 1) -> list[tuple[Any, ...]]:
    """Returns every combination of one item of each list."""
    lists = [list(part) for part in (value, *others)]
    _check_size(max(len(lists) * repeat, math.prod(len(part) for part in lists) ** repeat))
    return list(itertools.product(*lists, repeat=repeat))


def permutations(value: Any, length: int | None = None) -> list[tuple[Any, ...]]:
    """Returns the orderings of `length` items."""
    items = list(value)
    _check_size(math.perm(len(items), length))
    return list(itertools.permutations(items, length))


def combinations(value: Any, length: int) -> list[tuple[Any, ...]]:
    """Returns the choices of `length` items."""
    items = list(value)
    _check_size(math.comb(len(items), length))
    return list(itertools.combinations(items, length))


def _check_size(count: int) -> None:
    if count > _MAX_ITEMS:
        raise ValueError(f"the result would have {count} items; {_MAX_ITEMS} are allowed")


def _at(item: Any, attribute: str | None) -> Any:
    for part in attribute.split(".") if attribute else ():
        item = item[int(part)] if part.isdigit() and isinstance(item, list) else item[part]
    return item


def _key(item: Any, case_sensitive: bool) -> Any:
    return item.lower() if isinstance(item, str) and not case_sensitive else item


def _is_new(items: Iterable[Any]) -> Iterable[bool]:
    """For each item, in order: True the first time it comes."""
    seen: set[Any] = set()
    seen_unhashable: list[Any] = []
    for item in items:
        try:
            is_new = item not in seen
            seen.add(item)
        except TypeError:
            is_new = item not in seen_unhashable
            if is_new:
                seen_unhashable.append(item)
        yield is_new


def _membership(items: Any) -> Callable[[Any], bool]:
    members = list(items)
    try:
        hashed = frozenset(members)
    except TypeError:
        return members.__contains__

    def is_in(item: Any) -> bool:
        try:
            return item in hashed
        except TypeError:
            return False

    return is_in


FILTERS: Mapping[str, Callable[..., Any]] = {
    "combinations": combinations,
    "difference": difference,
    "flatten": flatten,
    "intersect": intersect,
    "permutations": permutations,
    "product": product,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
    "zip": zip_lists,
    "zip_longest": zip_longest,
}
