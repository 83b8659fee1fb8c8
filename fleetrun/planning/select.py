"""Which devices a pattern names: Ansible's language of groups, names and signs.

A pattern is a list of terms. Terms without a sign are united, in their order;
then ``&term`` keeps what is also in it, and ``!term`` takes away. Where Ansible
tears a pattern apart at a colon that belongs to an address or to a regular
expression, this keeps it whole.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from fleetrun.errors import Problem, UsageError
from fleetrun.model.inventory import Device, Inventory, VarLayers
from fleetrun.planning.pattern import Term, split_pattern

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_ALL: Final = "all"
_GLOB_SIGNS = frozenset(".?*[")
_SUBSCRIPT = re.compile(r"(?P<base>.+)\[(?:(?P<index>-?\d+)|(?P<first>\d+)[:-](?P<last>\d*))\]\Z")
#: Names that are compared for "did you mean"; comparing all of a large fleet takes seconds.
_MAX_COMPARED = 2000


def select(
    inventory: Inventory, pattern: str | Sequence[str], *, limit: str = ""
) -> tuple[str, ...]:
    """Returns the names of the devices that `pattern` selects and `limit` leaves.

    Without duplicates, in Ansible's order: term by term, a group's own devices
    before those of its child groups. An empty pattern selects nothing. The
    implicit localhost is selected only by its exact name and ignores `limit`.
    Raises UsageError for a malformed regular expression or a sign without a term.
    """
    chosen = _evaluate(inventory, _terms(inventory, pattern))
    if limit:
        allowed = set(_evaluate(inventory, _terms(inventory, limit)))
        chosen = [
            name for name in chosen if name in allowed or _is_implicit(inventory, name)
        ]
    return tuple(chosen)


def limit_from_lines(lines: Iterable[str]) -> str:
    """Returns a `limit` of the patterns in a file's lines, one or more per line.

    Empty lines and lines that start with ``#`` do not count. Raises UsageError
    when nothing is left: an empty limit would select every device.
    """
    kept = [text for line in lines if (text := line.strip()) and not text.startswith("#")]
    if not kept:
        raise UsageError(
            "the file of --limit names no device", kind="usage/empty-limit",
            hint="an empty limit would select everything; leave --limit out if that is meant",
        )
    return ",".join(kept)


def implicit_localhost() -> Device:
    """Returns the device that ``localhost`` means when the inventory has none."""
    return Device(
        name="localhost", layers=VarLayers(source={"ansible_connection": "local"})
    )


def merge_order(inventory: Inventory, device: str | Device) -> tuple[str, ...]:
    """Returns the groups of a device, ``all`` first, in the order their variables merge.

    That is by depth, then `ansible_group_priority`, then name; later ones win.
    """
    found = inventory.devices[device] if isinstance(device, str) else device
    groups = inventory.groups
    order = sorted(
        found.groups, key=lambda name: (groups[name].depth, groups[name].priority, name)
    )
    return (_ALL, *order)


def explain_unmatched(
    inventory: Inventory, pattern: str | Sequence[str]
) -> tuple[Problem, ...]:
    """Returns one problem per term that selects nothing, with near names.

    When every term selects something but all of them together nothing, one
    problem says so. Empty when the pattern selects a device and every term counts.
    """
    terms = _terms(inventory, pattern)
    problems = tuple(
        _explain(inventory, term) for term in terms if not _match(inventory, term.text)
    )
    if problems or _evaluate(inventory, terms):
        return problems
    text = pattern if isinstance(pattern, str) else ",".join(pattern)
    message = f"`{text}` selects no device" + (
        ": each part names devices, but together they leave none" if terms else ""
    )
    return (Problem(kind="input/empty-selection", message=message),)


def _terms(inventory: Inventory, pattern: str | Sequence[str]) -> list[Term]:
    def is_name(text: str) -> bool:
        return text in inventory.devices or text in inventory.groups

    texts = [pattern] if isinstance(pattern, str) else pattern
    return [term for text in texts for term in split_pattern(text, is_name)]


def _evaluate(inventory: Inventory, terms: Sequence[Term]) -> list[str]:
    """Unions first, then intersections, then exclusions, wherever they stand."""
    if not terms:
        return []
    unions = [term.text for term in terms if not term.sign] or [_ALL]
    chosen: dict[str, None] = {}
    for text in unions:
        for name in _match(inventory, text):
            if name not in LOCAL_NAMES or not _is_second_local(inventory, name, chosen):
                chosen[name] = None
    names = list(chosen)
    for term in terms:
        if term.sign == "&":
            wanted = set(_match(inventory, term.text))
            names = [name for name in names if name in wanted]
    for term in terms:
        if term.sign == "!":
            unwanted = set(_match(inventory, term.text))
            names = [name for name in names if name not in unwanted]
    return names


def _is_implicit(inventory: Inventory, name: str) -> bool:
    """True for the localhost that no source names; it alone is in no group."""
    device = inventory.devices.get(name)
    return name in LOCAL_NAMES and (device is None or not device.groups)


def _is_second_local(inventory: Inventory, name: str, chosen: Iterable[str]) -> bool:
    """True when the implicit localhost is chosen already under another of its names."""
    return _is_implicit(inventory, name) and any(
        other != name and _is_implicit(inventory, other) for other in chosen if other in LOCAL_NAMES
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """``[first:last]`` of a list, both included; `last` None = only one element."""

    first: int
    last: int | None

    def of(self, names: list[str]) -> list[str]:
        if self.last is not None:
            return names[self.first: self.last + 1]
        return names[self.first:][:1] if -len(names) <= self.first < len(names) else []


def _split_subscript(text: str) -> tuple[str, _Slice | None]:
    found = None if text.startswith("~") else _SUBSCRIPT.match(text)
    if found is None:
        return text, None
    if found["index"] is not None:
        return found["base"], _Slice(first=_small(found["index"]), last=None)
    last = _small(found["last"]) if found["last"] else 10**9
    return found["base"], _Slice(first=_small(found["first"]), last=last)


def _small(digits: str) -> int:
    """The number; one too long to be an index of anything becomes a huge one."""
    return int(digits) if len(digits) < 10 else 10**9


def _match(inventory: Inventory, text: str) -> list[str]:
    """Devices that one term without its sign names, without duplicates."""
    if text in inventory.devices:
        return [text]
    base, part = _split_subscript(text)
    names = _enumerate(inventory, base)
    return part.of(names) if part else names


def _enumerate(inventory: Inventory, text: str) -> list[str]:
    if text in (_ALL, "*"):
        return _members(inventory, _ALL)
    found: dict[str, None] = {}
    is_glob = text.startswith("~") or not _GLOB_SIGNS.isdisjoint(text)
    if not is_glob:
        found = dict.fromkeys(_members(inventory, text) if text in inventory.groups else ())
        if not found and text in inventory.devices:
            found[text] = None
    else:
        matches = _matcher(text)
        for group in filter(matches, inventory.groups):
            found.update(dict.fromkeys(_members(inventory, group)))
        found.update(dict.fromkeys(
            name for name in filter(matches, inventory.devices)
            if name not in LOCAL_NAMES or not _is_implicit(inventory, name)
        ))
    if not found and text in LOCAL_NAMES:
        # A localhost that a source names under another of its names is the one meant.
        return [next((name for name in inventory.devices if name in LOCAL_NAMES), text)]
    return list(found)


def _matcher(text: str) -> Callable[[str], object]:
    if not text.startswith("~"):
        return re.compile(fnmatch.translate(text)).match
    try:
        return re.compile(text[1:]).match
    except (re.error, RecursionError, OverflowError) as exc:
        raise UsageError(
            f"the pattern `{text}` is not a regular expression: {exc}", kind="usage/pattern",
            hint="put the whole pattern in quotes; a backslash takes a sign as it is",
        ) from exc


def _members(inventory: Inventory, name: str) -> list[str]:
    """Devices of a group, then of its child groups, level by level."""
    group = inventory.groups[name]
    if not (group.child_order or group.children):
        return list(group.devices)
    found: dict[str, None] = {}
    seen, level = {name}, [group]
    while level and len(found) < len(inventory.devices):
        below = []
        for group in level:
            found.update(dict.fromkeys(group.devices))
            for child in group.child_order or group.children:
                if child not in seen:
                    seen.add(child)
                    below.append(inventory.groups[child])
        level = below
    return list(found)


def _explain(inventory: Inventory, term: Term) -> Problem:
    text, part = _split_subscript(term.text)
    if text in inventory.groups:
        count = len(_members(inventory, text))
        return Problem(
            kind="input/empty-selection",
            message=f"`{term.text}`: the group `{text}` has {count} device(s)" if part and count
            else f"the group `{text}` has no devices",
        )
    near = _near_names(inventory, text)
    host, colon, port = text.partition(":")
    hint = "see `fleetrun inventory graph` for what there is"
    if near:
        hint = f"did you mean `{near[0]}`?"
    elif text.startswith("@"):
        hint = "a file of names is given with --limit @FILE, alone"
    elif colon and port.isdecimal():
        hint = f"a pattern has no port; write `{host}`"
    return Problem(
        kind="input/unknown-device", message=f"`{term.text}` matches no device or group",
        label=f"did you mean `{near[0]}`?" if near else "", hint=hint, allowed=tuple(near),
    )


def _near_names(inventory: Inventory, text: str) -> list[str]:
    """Up to three names like `text`; only some of a large fleet's are compared."""
    if text.startswith("~") or not text:
        return []
    candidates = list(inventory.groups)[:_MAX_COMPARED]
    size, start, end = len(text), text[:2].lower(), text[-2:].lower()
    for name in inventory.devices:
        if abs(len(name) - size) <= 2 and (
            name[:2].lower() == start or name[-2:].lower() == end
        ):
            candidates.append(name)
            if len(candidates) >= 2 * _MAX_COMPARED:
                break
    by_lower = {name.lower(): name for name in candidates}
    return [by_lower[near] for near in get_close_matches(text.lower(), by_lower, 3, 0.7)]
