"""Lines such as ``web[01:50].example.com:2222``: ranges expanded, port split off."""

from __future__ import annotations

import re
import string
from itertools import product

#: One line may stand for so many devices; a slip of the finger for a million.
MAX_EXPANDED = 1_000_000
_MAX_DIGITS = 18
_LETTERS = string.ascii_letters
_BRACKETED = re.compile(r"\[(?P<address>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\](?::(?P<port>\d+))?\Z")
_WITH_PORT = re.compile(r"(?P<base>(?:[^:\[\]]|\[[^\[\]]*\])+):(?P<port>\d+)\Z")
_RANGE = re.compile(r"\[([^\[\]]*)\]")


class HostPatternError(ValueError):
    """The line names no devices; the message says why."""


def split_port(text: str) -> tuple[str, int | None]:
    """Host part and port of ``host:port`` and ``[ipv6]:port``; IPv6 and MACs stay whole.

    Raises HostPatternError for a port that does not exist.
    """
    found = _BRACKETED.match(text)
    host = found["address"] if found else text
    if not found:
        found = _WITH_PORT.match(text)
        host = found["base"] if found else text
    if found is None or found["port"] is None:
        if text.endswith(":") and not text.endswith("::"):
            raise HostPatternError("it ends in `:`, but no port follows")
        return host, None
    if len(found["port"]) > 5 or not 0 < int(found["port"]) < 65536:
        raise HostPatternError(f"{found['port']} is no port (1 to 65535)")
    return host, int(found["port"])


def expand(text: str) -> list[str]:
    """All names that a pattern with ranges such as ``[1:9:2]`` or ``[a:f]`` stands for.

    Raises HostPatternError for a malformed or far too large range.
    """
    if "[" not in text and "]" not in text:
        return [text]
    parts = _RANGE.split(text)
    if any("[" in part or "]" in part for part in parts[::2]):
        raise HostPatternError("a bracket is not closed")
    choices = [
        [part] if index % 2 == 0 else _expand_range(part) for index, part in enumerate(parts)
    ]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > MAX_EXPANDED:
        raise HostPatternError(f"it stands for {total} devices; {MAX_EXPANDED} is the most")
    return ["".join(words) for words in product(*choices)]


def _expand_range(text: str) -> list[str]:
    bounds = text.split(":")
    if len(bounds) not in (2, 3):
        raise HostPatternError(f"the range [{text}] is not [begin:end] or [begin:end:step]")
    begin, end = bounds[0] or "0", bounds[1]
    step = bounds[2] if len(bounds) == 3 else "1"
    if not (step.isascii() and step.isdecimal() and len(step) <= _MAX_DIGITS and int(step)):
        raise HostPatternError(f"the step of the range [{text}] is not a number above 0")
    if not end:
        raise HostPatternError(f"the range [{text}] has no end")
    if begin.isdecimal() and end.isdecimal() and begin.isascii() and end.isascii():
        return _expand_numbers(text, begin, end, int(step))
    if len(begin) == len(end) == 1 and begin in _LETTERS and end in _LETTERS:
        letters = _LETTERS[_LETTERS.index(begin): _LETTERS.index(end) + 1: int(step)]
        if not letters:
            raise HostPatternError(f"the range [{text}] ends before it begins")
        return list(letters)
    raise HostPatternError(f"the range [{text}] goes neither from number to number nor a to z")


def _expand_numbers(text: str, begin: str, end: str, step: int) -> list[str]:
    width = 0
    if begin[0] == "0" and len(begin) > 1:
        if len(begin) != len(end):
            raise HostPatternError(
                f"begin and end of the range [{text}] must have the same number of digits"
            )
        width = len(begin)
    if len(begin) > _MAX_DIGITS or len(end) > _MAX_DIGITS:
        raise HostPatternError(f"a number of the range has more than {_MAX_DIGITS} digits")
    first, last = int(begin), int(end)
    if first > last:
        raise HostPatternError(f"the range [{text}] ends before it begins")
    numbers = range(first, last + 1, step)
    if len(numbers) > MAX_EXPANDED:
        raise HostPatternError(
            f"the range [{text}] stands for more than {MAX_EXPANDED} devices"
        )
    return [f"{number:0{width}d}" for number in numbers]
