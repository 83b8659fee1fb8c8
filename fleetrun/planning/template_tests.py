"""Tests for templates (``x is changed``, ``is version(...)``), beside jinja2's own."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from fleetrun.model.values import SecretText
from fleetrun.planning.filters.text import to_bool
from fleetrun.planning.versions import compare_versions

_MATCH_TYPES = ("match", "search", "fullmatch")


def is_failed(result: Any) -> bool:
    """True when a registered result says that its task failed."""
    return bool(_result(result, "failed").get("failed", False))


def is_succeeded(result: Any) -> bool:
    """True when a registered result says that its task did not fail; also when skipped."""
    return not is_failed(result)


def is_changed(result: Any) -> bool:
    """True when a registered result, or an item of its loop, changed something."""
    values = _result(result, "changed")
    if "changed" in values:
        return bool(values["changed"])
    items = values.get("results")
    return isinstance(items, list) and any(
        item.get("changed", False) for item in items if isinstance(item, Mapping)
    )


def is_skipped(result: Any) -> bool:
    """True when a registered result says that its task was skipped."""
    return bool(_result(result, "skipped").get("skipped", False))


def is_unreachable(result: Any) -> bool:
    """True when a registered result says that the device was not reached."""
    return bool(_result(result, "unreachable").get("unreachable", False))


def is_reachable(result: Any) -> bool:
    """True when a registered result says that the device was reached."""
    return not is_unreachable(result)


def is_timed_out(result: Any) -> bool:
    """True when a registered result says that its task ran out of time."""
    values = _result(result, "timedout")
    timed_out = values.get("timedout", False)
    return bool(timed_out) and (not isinstance(timed_out, Mapping) or "period" in timed_out)


def is_started(result: Any) -> bool:
    """True when an async task was started; True for any other result."""
    return bool(_result(result, "started").get("started", True))


def is_finished(result: Any) -> bool:
    """True when an async task is over; True for any other result."""
    return bool(_result(result, "finished").get("finished", True))


def is_truthy(value: Any, convert_bool: bool = False) -> bool:
    """True for what Python takes as true, after `bool` when `convert_bool`."""
    return bool(_converted(value) if convert_bool else value)


def is_falsy(value: Any, convert_bool: bool = False) -> bool:
    """The opposite of truthy."""
    return not is_truthy(value, convert_bool)


def regex(
    value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False,
    match_type: str = "search",
) -> bool:
    """True when `pattern` is found in `value`."""
    if match_type not in _MATCH_TYPES:
        raise ValueError(f"match_type is one of {', '.join(_MATCH_TYPES)}")
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    text = value if isinstance(value, str) else str(value)
    return bool(getattr(re.compile(pattern, flags), match_type)(text))


def match(
    value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False
) -> bool:
    """True when `pattern` matches at the start of `value`."""
    return regex(value, pattern, ignorecase, multiline, "match")


def search(
    value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False
) -> bool:
    """True when `pattern` is found anywhere in `value`."""
    return regex(value, pattern, ignorecase, multiline, "search")


def contains(value: Collection[Any], member: Any) -> bool:
    """True when `member` is in `value`."""
    return member in value


def is_subset(value: Collection[Any], other: Collection[Any]) -> bool:
    """True when all of `value` is in `other`."""
    return all(item in other for item in value)


def is_superset(value: Collection[Any], other: Collection[Any]) -> bool:
    """True when all of `other` is in `value`."""
    return is_subset(other, value)


def is_nan(value: Any) -> bool:
    """True for the float that is no number."""
    return isinstance(value, (int, float)) and math.isnan(value)


def is_url(value: Any, schemes: Collection[str] | None = None) -> bool:
    """True for a URL with a scheme and a host."""
    parts = _uri(value, schemes)
    return parts is not None and bool(parts.netloc)


def is_uri(value: Any, schemes: Collection[str] | None = None) -> bool:
    """True for a text that begins with a scheme."""
    return _uri(value, schemes) is not None


def is_urn(value: Any) -> bool:
    """True for a URN."""
    parts = _uri(value, ("urn",))
    return parts is not None and not parts.netloc and ":" in parts.path


def _uri(value: Any, schemes: Collection[str] | None) -> Any:
    try:
        parts = urlsplit(str(value))
    except ValueError:
        return None
    is_known = schemes is None or parts.scheme in schemes
    return parts if parts.scheme and is_known and (parts.netloc or parts.path) else None


def is_vault_encrypted(value: Any) -> bool:
    """True for encrypted text, and for what was encrypted before files were loaded."""
    return isinstance(value, SecretText) or str(value).startswith("$ANSIBLE_VAULT;")


def _converted(value: Any) -> Any:
    if not isinstance(value, (str, int)):
        return value
    is_word = str(value).lower() in {"yes", "no", "on", "off", "true", "false", "0", "1"}
    return to_bool(value) if is_word else value


def _result(result: Any, test: str) -> Mapping[str, Any]:
    if not isinstance(result, Mapping):
        raise TypeError(f"the test {test!r} needs a registered result, got {result!r:.80}")
    return result


TESTS: Mapping[str, Callable[..., bool]] = {
    "abs": posixpath.isabs, "is_abs": posixpath.isabs,
    "all": all, "any": any,
    "change": is_changed, "changed": is_changed,
    "contains": contains,
    "failed": is_failed, "failure": is_failed,
    "falsy": is_falsy, "truthy": is_truthy,
    "finished": is_finished, "started": is_started,
    "issubset": is_subset, "subset": is_subset,
    "issuperset": is_superset, "superset": is_superset,
    "isnan": is_nan, "nan": is_nan,
    "match": match, "regex": regex, "search": search,
    "reachable": is_reachable, "unreachable": is_unreachable,
    "skip": is_skipped, "skipped": is_skipped,
    "succeeded": is_succeeded, "success": is_succeeded, "successful": is_succeeded,
    "timedout": is_timed_out,
    "uri": is_uri, "url": is_url, "urn": is_urn,
    "vault_encrypted": is_vault_encrypted,
    "version": compare_versions, "version_compare": compare_versions,
}

_ON_DISK = "tests read no disk: use the stat module and its result"
#: Tests of Ansible that are not here, and why.
ABSENT_TESTS: Mapping[str, str] = dict.fromkeys((
    "directory", "is_dir", "exists", "file", "is_file", "link", "is_link", "link_exists",
    "mount", "is_mount", "same_file", "is_same_file", "vaulted_file",
), _ON_DISK)
