"""Filters on text: regular expressions, quoting, comments, booleans."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

#: Longest text that a replacement may make, in characters.
_MAX_CHARS = 64 * 1024 * 1024
_TRUE = frozenset({"yes", "on", "1", "true"})

#: Characters that a basic POSIX regular expression gives a meaning.
_POSIX_BASIC_SPECIAL = re.compile(r"([\].[*^$\\])")

#: Parts of a comment by style; what is not named is empty.
_COMMENT_STYLES: Mapping[str, Mapping[str, str]] = {
    "plain": {"decoration": "# "},
    "erlang": {"decoration": "% "},
    "c": {"decoration": "// "},
    "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
    "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
}


def to_bool(value: Any) -> bool:
    """Returns True for true, 1, "yes", "on", "1" and "true" in any case."""
    if isinstance(value, str):
        return value.lower() in _TRUE
    return bool(value == 1)


def quote(value: Any) -> str:
    """Returns `value` as one word of a POSIX shell; None is the empty word."""
    return shlex.quote("" if value is None else _text(value))


def ternary(value: Any, true_value: Any, false_value: Any, none_value: Any = None) -> Any:
    """Returns one of the values; `none_value`, if given, when `value` is None."""
    if value is None and none_value is not None:
        return none_value
    return true_value if value else false_value


def split(value: Any, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    """Returns the parts of a text; without `separator` its words."""
    return _text(value).split(separator, maxsplit)


def type_debug(value: Any) -> str:
    """Returns the name of the value's type."""
    kind = type(value)
    return "str" if issubclass(kind, str) else kind.__name__


def regex_replace(
    value: Any, pattern: str = "", replacement: str = "", ignorecase: bool = False,
    multiline: bool = False, count: int = 0, mandatory_count: int = 0,
) -> str:
    """Returns `value` with every match replaced; ``\\1`` and ``\\g<name>`` work."""
    text = _text(value)
    compiled = re.compile(pattern, _flags(ignorecase, multiline))
    if len(text) * len(replacement) > _MAX_CHARS:
        matches = sum(1 for _ in compiled.finditer(text))
        if matches * len(replacement) > _MAX_CHARS:
            raise ValueError("regex_replace: the result would be too long")
    result, done = compiled.subn(replacement, text, count)
    if mandatory_count and done != mandatory_count:
        raise ValueError(
            f"{pattern!r} should match {mandatory_count} times, but matches {done} times"
        )
    return result


def regex_search(
    value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[str | None] | None:
    """Returns the first match, or the named `groups` of it; None without one."""
    keys = [_group(group) for group in groups]
    match = re.search(pattern, _text(value), _flags(ignorecase, multiline))
    if match is None:
        return None
    return [match.group(key) for key in keys] if keys else match.group()


def regex_findall(
    value: Any, pattern: str, multiline: bool = False, ignorecase: bool = False
) -> list[Any]:
    """Returns all matches; lists of groups when the pattern has several."""
    return re.findall(pattern, _text(value), _flags(ignorecase, multiline))


def regex_escape(value: Any, re_type: str = "python") -> str:
    """Returns a pattern that matches `value` literally."""
    if re_type == "python":
        return re.escape(_text(value))
    if re_type == "posix_basic":
        return _POSIX_BASIC_SPECIAL.sub(r"\\\1", _text(value))
    raise ValueError(f"regex_escape knows the types python and posix_basic, not {re_type!r}")


def comment(text: Any, style: str = "plain", **parts: Any) -> str:
    """Returns `text` as a comment of a programming language.

    `parts` overrides the style: decoration, beginning, end, prefix,
    prefix_count, postfix, postfix_count, newline.
    """
    if style not in _COMMENT_STYLES:
        raise ValueError(f"unknown comment style {style!r}: use {', '.join(_COMMENT_STYLES)}")
    chosen = {**_COMMENT_STYLES[style], **parts}
    newline = chosen.get("newline", "\n")
    decoration = chosen["decoration"]
    bare = decoration.rstrip()
    edge = {name: chosen.get(name, bare) for name in ("prefix", "postfix")}
    lines = _text(text).split(newline)
    body = [f"{decoration}{line}" if line or last else bare
            for line, last in zip(lines, _marks_last(lines), strict=True)]
    whole = [chosen["beginning"]] if chosen.get("beginning") else []
    whole += [edge["prefix"]] * chosen.get("prefix_count", 1) + body
    whole += [edge["postfix"]] * chosen.get("postfix_count", 1)
    whole += [chosen["end"]] if chosen.get("end") else []
    return str(newline.join(whole))


def _marks_last(lines: list[str]) -> list[bool]:
    return [False] * (len(lines) - 1) + [True]


def _group(name: str) -> int | str:
    if match := re.fullmatch(r"\\g<(\S+)>", name):
        return match[1]
    if match := re.fullmatch(r"\\(\d+)", name):
        return int(match[1])
    raise ValueError(f"regex_search: a group is written \\1 or \\g<name>, not {name!r}")


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "bool": to_bool,
    "comment": comment,
    "quote": quote,
    "regex_escape": regex_escape,
    "regex_findall": regex_findall,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "split": split,
    "ternary": ternary,
    "type_debug": type_debug,
}
