"""Identical outputs of many devices as one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fleetrun.reporters.escape import escape_block

#: Names shown of one group before "+N".
NAMES_SHOWN: Final = 5

#: Groups that still read well on one line.
INLINE_GROUPS: Final = 4

NO_OUTPUT: Final = "(no output)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Devices that gave the same output."""

    output: str
    #: In the order they came, at least one.
    devices: tuple[str, ...]


def fold(outputs: Iterable[tuple[str, str]]) -> tuple[Fold, ...]:
    """Returns (device, output) pairs grouped by output.

    The largest group comes first; groups of one size keep the order in which
    they appeared. Spaces at the end of an output do not count.
    """
    groups: dict[str, list[str]] = {}
    for device, output in outputs:
        groups.setdefault(output.rstrip(), []).append(device)
    folds = [Fold(output=output, devices=tuple(names)) for output, names in groups.items()]
    return tuple(sorted(folds, key=lambda group: -len(group.devices)))


def show_folds(folds: Sequence[Fold], *, width: int) -> str:
    """Returns folds for people, escaped, without a newline at the end.

    Short one-line outputs stand on one line, ``498 devices: 6.1.21 · 2 devices:
    5.10 (gw-07, gw-31)``, longer ones on a line each; outputs of several lines
    are blocks with a header.
    """
    shown = [escape_block(group.output) or NO_OUTPUT for group in folds]
    if any("\n" in text for text in shown):
        return "\n".join(
            f"{_header(group)}\n{text}" for group, text in zip(folds, shown, strict=True)
        )
    has_majority = len(folds) > 1 and len(folds[0].devices) > NAMES_SHOWN
    lines = [
        _line(group, text, is_named=not (has_majority and index == 0))
        for index, (group, text) in enumerate(zip(folds, shown, strict=True))
    ]
    inline = " · ".join(lines)
    if len(folds) <= INLINE_GROUPS and len(inline) <= width:
        return inline
    return "\n".join(lines)


def count_devices(count: int) -> str:
    """Returns "1 device" or "498 devices"."""
    return f"{count:,} device{'' if count == 1 else 's'}"


def show_names(devices: Sequence[str], limit: int = NAMES_SHOWN) -> str:
    """Returns the first names and how many more there are."""
    names = ", ".join(escape_block(name) for name in devices[:limit])
    more = len(devices) - limit
    return f"{names}, … (+{more:,})" if more > 0 else names


def _line(group: Fold, text: str, *, is_named: bool) -> str:
    names = f" ({show_names(group.devices)})" if is_named else ""
    return f"{count_devices(len(group.devices))}: {text}{names}"


def _header(group: Fold) -> str:
    return f"── {count_devices(len(group.devices))}: {show_names(group.devices)}"
