"""Comparing version numbers: loose (Ansible's default), strict and semver."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

_Key: TypeAlias = "tuple[Any, ...] | list[Any]"

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    **dict.fromkeys(("==", "=", "eq"), operator.eq),
    **dict.fromkeys(("<", "lt"), operator.lt),
    **dict.fromkeys(("<=", "le"), operator.le),
    **dict.fromkeys((">", "gt"), operator.gt),
    **dict.fromkeys((">=", "ge"), operator.ge),
    **dict.fromkeys(("!=", "<>", "ne"), operator.ne),
}

_LOOSE_PART = re.compile(r"(\d+|[a-z]+|\.)", re.ASCII)
_STRICT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", re.ASCII)
# Source: semver.org 2.0.0, "suggested regular expression"; the build part does not count.
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\w-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\w-]*))*))?"
    r"(?:\+[\w.-]+)?",
    re.ASCII,
)


def compare_versions(
    value: Any, version: Any, operator: str = "eq", strict: bool | None = None,
    version_type: str | None = None,
) -> bool:
    """True when `value` stands in the relation `operator` to `version`.

    Raises ValueError when a version cannot be read, or when two cannot be
    ordered (loose: a word against a number).
    """
    if not str(value) or not str(version):
        raise ValueError("a version is empty")
    if operator not in _OPERATORS:
        raise ValueError(f"unknown operator {operator!r}: use {', '.join(_OPERATORS)}")
    if strict is not None and version_type:
        raise ValueError("give strict or version_type, not both")
    kind = version_type or ("strict" if strict else "loose")
    if kind not in _KEYS:
        raise ValueError(f"unknown version_type {kind!r}: use {', '.join(_KEYS)}")
    key = _KEYS[kind]
    try:
        return bool(_OPERATORS[operator](key(str(value)), key(str(version))))
    except TypeError as mixed:
        raise ValueError(
            f"the versions {value!r} and {version!r} cannot be ordered: "
            "one has a word where the other has a number"
        ) from mixed


def loose_key(version: str) -> _Key:
    """Returns what a version is ordered by: its numbers and words."""
    parts = [part for part in _LOOSE_PART.split(version) if part and part != "."]
    return [int(part) if part.isdecimal() else part for part in parts]


def _strict_key(version: str) -> _Key:
    match = _STRICT.fullmatch(version)
    if match is None:
        raise ValueError(f"invalid strict version {version!r}")
    major, minor, patch, tag, number = match.groups()
    # "z" comes after a and b: a release is later than its pre-releases.
    return (int(major), int(minor), int(patch or 0), tag or "z", int(number or 0))


def _semver_key(version: str) -> _Key:
    match = _SEMVER.fullmatch(version)
    if match is None:
        raise ValueError(f"invalid semantic version {version!r}")
    numbers = tuple(int(match[part]) for part in (1, 2, 3))
    if match[4] is None:
        return (*numbers, 1, ())
    before = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in match[4].split(".")
    )
    return (*numbers, 0, before)


# Source: PEP 440, "Appendix B: Parsing version strings with regular expressions".
_PEP440 = re.compile(
    r"\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?P<pre_n>\d*))?"
    r"(?:-(?P<post_bare>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_n>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*",
    re.ASCII | re.IGNORECASE,
)
_PRE_ORDER = {"alpha": 0, "a": 0, "beta": 1, "b": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
#: Before and after everything that a part of a version may be.
_FIRST, _LAST = (-1, 0), (9, 0)


def _pep440_key(version: str) -> _Key:
    match = _PEP440.fullmatch(version)
    if match is None:
        raise ValueError(f"invalid version of PEP 440 {version!r}")
    release = [int(part) for part in match["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    has_post = match["post"] is not None or match["post_bare"] is not None
    post = (0, int(match["post_n"] or match["post_bare"] or 0)) if has_post else _FIRST
    dev = (0, int(match["dev_n"] or 0)) if match["dev"] else _LAST
    if match["pre"]:
        pre = (_PRE_ORDER[match["pre"].lower()], int(match["pre_n"] or 0))
    else:
        pre = _FIRST if match["dev"] and not has_post else _LAST
    return (int(match["epoch"] or 0), tuple(release), pre, post, dev, _local_key(match["local"]))


def _local_key(local: str | None) -> tuple[tuple[int, int, str], ...]:
    """Numbers come after words, a version without a local part before all."""
    parts = re.split(r"[-_.]", local.lower()) if local else []
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


_KEYS: Mapping[str, Callable[[str], _Key]] = {
    "loose": loose_key,
    "strict": _strict_key,
    "semver": _semver_key,
    "semantic": _semver_key,
    "pep440": _pep440_key,
}
