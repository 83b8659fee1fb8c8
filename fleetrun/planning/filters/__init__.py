"""The filters that need nothing but their arguments, by name.

What jinja2 brings itself is not repeated here; filters that look at the scope
(default, mandatory, extract, random) are in `planning.templates_functions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fleetrun.planning.filters import encoding, lists, mappings, numbers, paths, text
from fleetrun.planning.filters.json_query import json_query

FILTERS: Mapping[str, Callable[..., Any]] = {
    **encoding.FILTERS,
    **lists.FILTERS,
    **mappings.FILTERS,
    **numbers.FILTERS,
    **paths.FILTERS,
    **text.FILTERS,
    "json_query": json_query,
}

#: Filters of Ansible that are not here, and why; shown instead of "unknown".
ABSENT_FILTERS: Mapping[str, str] = {
    "expanduser": "templates read no disk: write the path out",
    "expandvars": "templates read no environment: use lookup('env', NAME)",
    "fileglob": "templates read no disk",
    "from_yaml_all": "a text may hold one YAML document: use from_yaml",
    "realpath": "templates read no disk: use the stat module",
    "ipaddr": "use regex_replace, or pass addresses as variables",
    "xml": "use regex_search",
}

__all__ = ["ABSENT_FILTERS", "FILTERS"]
