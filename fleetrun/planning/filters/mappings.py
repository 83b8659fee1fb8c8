"""Filters on mappings: combine, dict2items, subelements, extract and the like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_LIST_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def combine(
    value: Any, *others: Any, recursive: bool = False, list_merge: str = "replace"
) -> dict[Any, Any]:
    """Returns one mapping of all; later ones win, `value` may be a list of them."""
    if list_merge not in _LIST_MERGES:
        raise ValueError(f"combine: list_merge is one of {', '.join(_LIST_MERGES)}")
    result: dict[Any, Any] = {}
    for mapping in _flat(value, *others):
        if not isinstance(mapping, Mapping):
            raise TypeError(f"combine needs mappings, got a {type(mapping).__name__}")
        result = merge(result, mapping, recursive=recursive, list_merge=list_merge)
    return result


def merge(
    low: Mapping[Any, Any], high: Mapping[Any, Any], *, recursive: bool, list_merge: str
) -> dict[Any, Any]:
    """Returns `low` overlaid with `high`; neither is changed."""
    if not low or low == high:
        return dict(high)
    if not recursive and list_merge == "replace":
        return {**low, **high}
    result = dict(low)
    for key, value in high.items():
        old = result.get(key)
        if recursive and isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = merge(old, value, recursive=True, list_merge=list_merge)
        elif isinstance(old, list) and isinstance(value, list):
            result[key] = _merge_lists(old, value, list_merge)
        else:
            result[key] = value
    return result


def _merge_lists(old: list[Any], new: list[Any], how: str) -> list[Any]:
    match how:
        case "keep":
            return old
        case "append":
            return old + new
        case "prepend":
            return new + old
        case "append_rp":
            return [item for item in old if item not in new] + new
        case "prepend_rp":
            return new + [item for item in old if item not in new]
        case _:
            return new


def dict2items(
    value: Any, key_name: str = "key", value_name: str = "value"
) -> list[dict[str, Any]]:
    """Returns a list of {key, value} mappings, in the mapping's order."""
    if not isinstance(value, Mapping):
        raise TypeError(f"dict2items needs a mapping, got a {type(value).__name__}")
    return [{key_name: key, value_name: value[key]} for key in value]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """Returns the mapping that a list of {key, value} mappings describes."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise TypeError(f"items2dict needs a list, got a {type(value).__name__}")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except KeyError as missing:
        raise ValueError(
            f"items2dict: every item needs the keys {key_name!r} and {value_name!r}"
        ) from missing


def subelements(
    value: Any, elements: str | Sequence[str], skip_missing: bool = False
) -> list[tuple[Any, Any]]:
    """Returns pairs of each item and each member of the list it has at `elements`."""
    if isinstance(value, Mapping):
        items = list(value.values())
    elif isinstance(value, list):
        items = value
    else:
        raise TypeError(f"subelements needs a list or mapping, got a {type(value).__name__}")
    keys = elements.split(".") if isinstance(elements, str) else list(elements)
    return [
        (item, member) for item in items for member in _members(item, keys, skip_missing)
    ]


def _members(item: Any, keys: Sequence[str], skip_missing: bool) -> list[Any]:
    found = item
    for key in keys:
        if not isinstance(found, Mapping):
            raise TypeError(f"subelements: the value above {key!r} is not a mapping")
        if key not in found:
            if skip_missing:
                return []
            raise ValueError(f"subelements: no key {key!r} in an item")
        found = found[key]
    if not isinstance(found, list):
        raise TypeError(f"subelements: {'.'.join(keys)!r} must be a list")
    return found


def rekey_on_member(value: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """Returns the items of a list by the value each has at `key`."""
    if duplicates not in {"error", "overwrite"}:
        raise ValueError("rekey_on_member: duplicates is error or overwrite")
    result: dict[Any, Any] = {}
    for item in value.values() if isinstance(value, Mapping) else value:
        if not isinstance(item, Mapping) or key not in item:
            raise ValueError(f"rekey_on_member: an item has no key {key!r}")
        if item[key] in result and duplicates == "error":
            raise ValueError(f"rekey_on_member: {item[key]!r} is there twice")
        result[item[key]] = item
    return result


def _flat(*values: Any) -> Iterable[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(*value)
        else:
            yield value


FILTERS: Mapping[str, Callable[..., Any]] = {
    "combine": combine,
    "dict2items": dict2items,
    "items2dict": items2dict,
    "rekey_on_member": rekey_on_member,
    "subelements": subelements,
}
