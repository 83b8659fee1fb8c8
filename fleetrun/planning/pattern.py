"""Takes a pattern apart into its terms.

Commas and colons separate terms, but a colon is also part of addresses, MAC
ids, ranges and regular expressions. What is a known name as it stands is never
taken apart, and nothing inside brackets is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fleetrun.errors import UsageError

_CLOSING = {"[": "]", "(": ")", "{": "}"}
_SIGN_AND_SPACE = re.compile(r"(?:(?<=[,:\s])|^)([&!])\s+")
_NEEDS_CARE = re.compile(r"[\[~]")
_REGEX_START = re.compile(r"\s*[&!]?\s*~")
#: Parts that are joined again to find a name with colons: IPv6 has 8, and
#: leading or trailing colons make one more.
_MAX_JOINED = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term: `sign` is "", "&" or "!"; `text` stands without it."""

    sign: str
    text: str


def split_pattern(pattern: str, is_name: Callable[[str], bool]) -> list[Term]:
    """Returns the terms of `pattern`, in order, empty ones left out.

    `is_name` says whether a text is the name of a device or a group. Raises
    UsageError for a sign that no term follows: what an empty variable leaves of
    ``web:&{{ site }}`` must not select all of ``web``.
    """
    terms = [
        _term(text)
        for part in _cut(_SIGN_AND_SPACE.sub(r"\1", pattern), ", \t\n\r")
        for text in _split_at_colons(part, is_name)
    ]
    for term in terms:
        if term.sign and not term.text:
            raise UsageError(
                f"nothing follows `{term.sign}` in the pattern `{pattern}`", kind="usage/pattern",
                hint="is a variable in it empty?",
            )
    return [term for term in terms if term.text]


def _term(text: str) -> Term:
    text = text.strip()
    sign = text[:1] if text[:1] in ("&", "!") else ""
    return Term(sign=sign, text=text[len(sign):].strip())


def _split_at_colons(part: str, is_name: Callable[[str], bool]) -> Iterator[str]:
    if ":" not in part:
        yield part
        return
    pieces = list(_cut(part, ":"))
    at = 0
    while at < len(pieces):
        size = next(
            (
                size for size in range(min(_MAX_JOINED, len(pieces) - at), 1, -1)
                if _is_whole(":".join(pieces[at: at + size]), is_name)
            ),
            1,
        )
        if size == 1 and len(pieces) == 2 and _is_port(pieces, is_name):
            size = 2
        yield ":".join(pieces[at: at + size])
        at += size


def _is_whole(text: str, is_name: Callable[[str], bool]) -> bool:
    """True for a known name or an IPv6 address, with or without a sign."""
    text = _term(text).text
    if is_name(text):
        return True
    if text.count(":") < 2:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_port(pieces: list[str], is_name: Callable[[str], bool]) -> bool:
    """True for ``device:22``: a port has no place here, but it is no term either."""
    return pieces[1].isdecimal() and not is_name(pieces[1])


def _cut(text: str, separators: str) -> Iterator[str]:
    """Cuts at separators outside of brackets; in a regular expression all kinds count."""
    if not _NEEDS_CARE.search(text):
        yield from re.split(f"[{separators}]", text)
        return
    start = at = 0
    closing: list[str] = []
    is_regex = _REGEX_START.match(text) is not None
    while at < len(text):
        char = text[at]
        if closing and char == closing[-1]:
            closing.pop()
        elif is_regex and char == "\\":
            at += 1
        elif "]" not in closing and (char == "[" or (is_regex and char in _CLOSING)):
            closing.append(_CLOSING[char])
        elif not closing and char in separators:
            yield text[start:at]
            start = at + 1
            is_regex = _REGEX_START.match(text, start) is not None
        at += 1
    yield text[start:]
