"""The filters that need nothing but their arguments, by name.

What jinja2 brings itself is not repeated here; filters that look at the scope
(default, mandatory, extract, random) are in `planning.templates_functions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetrun.planning.filters import (
    addresses,
    encoding,
    general,
    lists,
    mac_addresses,
    mappings,
    networks,
    numbers,
    paths,
    text,
)
from fleetrun.planning.filters.json_query import json_query

_ADDRESSES: Mapping[str, Callable[..., Any]] = {
    **addresses.FILTERS, **mac_addresses.FILTERS, **networks.FILTERS,
}

FILTERS: Mapping[str, Callable[..., Any]] = {
    **encoding.FILTERS,
    **lists.FILTERS,
    **mappings.FILTERS,
    **numbers.FILTERS,
    **paths.FILTERS,
    **text.FILTERS,
    **_ADDRESSES,
    **general.FILTERS,
    "json_query": json_query,
}

#: Collections, and the filters that go by their names, too.
COLLECTIONS: Mapping[str, frozenset[str]] = {
    "ansible.utils": frozenset({*_ADDRESSES, "keep_keys", "remove_keys", "replace_keys"}),
    "ansible.netcommon": frozenset(_ADDRESSES),
    "community.general": frozenset({*general.FILTERS, "json_query"}),
}

#: Filters of Ansible that are not here, and why; shown instead of "unknown".
ABSENT_FILTERS: Mapping[str, str] = {
    "expanduser": "templates read no disk: write the path out",
    "expandvars": "templates read no environment: use lookup('env', NAME)",
    "fileglob": "templates read no disk",
    "realpath": "templates read no disk: use the stat module",
    "xml": "use regex_search",
}

__all__ = ["ABSENT_FILTERS", "COLLECTIONS", "FILTERS"]
