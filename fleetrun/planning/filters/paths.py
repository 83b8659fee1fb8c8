"""Filters on paths and URLs, as text; nothing is looked up on a disk."""

from __future__ import annotations

import ntpath
import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus, urlsplit

_URL_PARTS = (
    "fragment", "hostname", "netloc", "password", "path", "port", "query", "scheme", "username",
)


def path_join(value: Any) -> str:
    """Returns one path of a list of parts."""
    if isinstance(value, str):
        return posixpath.join(value)
    if isinstance(value, Sequence):
        return posixpath.join(*value)
    raise TypeError(f"path_join needs a text or a list, got a {type(value).__name__}")


def relpath(value: str, start: str) -> str:
    """Returns the way from `start` to `value`; both are absolute."""
    if not (posixpath.isabs(value) and posixpath.isabs(start)):
        raise ValueError("relpath needs two absolute paths")
    return posixpath.relpath(value, start)


def commonpath(value: Sequence[str]) -> str:
    """Returns the longest folder that all paths share."""
    return posixpath.commonpath(value)


def split_url(value: str, component: str = "") -> Any:
    """Returns the parts of a URL as a mapping, or one of them."""
    parts = urlsplit(value)
    if not component:
        return {name: getattr(parts, name) for name in _URL_PARTS}
    if component not in _URL_PARTS:
        raise ValueError(f"urlsplit knows {', '.join(_URL_PARTS)}, not {component!r}")
    return getattr(parts, component)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "basename": posixpath.basename,
    "commonpath": commonpath,
    "dirname": posixpath.dirname,
    "normpath": posixpath.normpath,
    "path_join": path_join,
    "relpath": relpath,
    "splitext": posixpath.splitext,
    "urldecode": unquote_plus,
    "urlsplit": split_url,
    "win_basename": ntpath.basename,
    "win_dirname": ntpath.dirname,
    "win_splitdrive": ntpath.splitdrive,
}
