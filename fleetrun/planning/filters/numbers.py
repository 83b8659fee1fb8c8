"""Filters on numbers, sizes and dates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

_UNITS = ("", "K", "M", "G", "T", "P", "E", "Z", "Y")
_UNIT_NAMES = ("kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta")
_SIZE = re.compile(r"\s*(-?\d*\.?\d+)\s*([A-Za-z]+)?\s*", re.ASCII)


def log(value: float, base: float = math.e) -> float:
    """Returns the logarithm."""
    return math.log10(value) if base == 10 else math.log(value, base)


def power(value: float, exponent: float) -> float:
    """Returns `value` to the power of `exponent`, as a float."""
    return math.pow(value, exponent)


def root(value: float, degree: float = 2) -> float:
    """Returns the root."""
    return math.sqrt(value) if degree == 2 else math.pow(value, 1.0 / degree)


def human_readable(value: Any, isbits: bool = False, unit: str | None = None) -> str:
    """Returns a number of bytes (or bits) as text such as "1.43 MB"."""
    size = float(value)
    base, letter = ("bits", "b") if isbits else ("Bytes", "B")
    for step in range(len(_UNITS) - 1, -1, -1):
        suffix = _UNITS[step]
        if (unit is None and size >= 1024**step) or (unit and unit.upper() == suffix):
            break
    label = f"{suffix}{letter}" if suffix else base
    return f"{size / 1024**step:.2f} {label}"


def human_to_bytes(value: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    """Returns the number of bytes (or bits) that a text such as "1.5 MB" means."""
    match = _SIZE.fullmatch(str(value))
    if match is None:
        raise ValueError(f"human_to_bytes cannot read {value!r}")
    unit = match[2] or default_unit or ""
    steps = _unit_steps("b", "bit") if isbits else _unit_steps("B", "byte")
    step = steps.get(unit, steps.get(unit.lower()) if len(unit) > 2 else None)
    if step is None:
        raise ValueError(f"human_to_bytes cannot read the unit of {value!r}")
    size: int = round(float(match[1]) * 1024**step)
    return size


@cache
def _unit_steps(letter: str, word: str) -> Mapping[str, int]:
    """How many times 1024 each unit stands for."""
    steps = {"": 0, letter: 0, word: 0, f"{word}s": 0}
    for step, name in enumerate(_UNIT_NAMES, 1):
        short = name[0].upper()
        long = (name + word, f"{name}{word}s")
        steps |= dict.fromkeys((short, short.lower(), short + letter, *long), step)
    return steps


def strftime(form: str, second: Any = None, utc: bool = True) -> str:
    """Returns the time `second` (seconds since 1970) as text, always in UTC.

    Rendering reads no clock and no time zone: the same inputs give the same
    text when a run is resumed on another machine.
    """
    if second is None:
        raise ValueError("strftime needs the seconds: '%Y' | strftime(ansible_date_time.epoch)")
    if not utc:
        raise ValueError("strftime gives UTC only; leave utc=false out")
    return datetime.fromtimestamp(float(second), UTC).strftime(form)


def to_datetime(value: Any, form: str = "%Y-%m-%d %H:%M:%S") -> datetime:
    """Returns the point in time that a text names; subtract two for a span."""
    return datetime.strptime(str(value), form)  # noqa: DTZ007  # as written, no zone


FILTERS: Mapping[str, Callable[..., Any]] = {
    "human_readable": human_readable,
    "human_to_bytes": human_to_bytes,
    "log": log,
    "pow": power,
    "root": root,
    "strftime": strftime,
    "to_datetime": to_datetime,
}
