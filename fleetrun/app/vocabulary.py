"""What the language knows beside modules: keywords, filters, tests and lookups, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetrun.app.loaded import make_templater
from fleetrun.loading.schema import KEYWORDS
from fleetrun.model.run import Invocation

#: For functions that are put together and say nothing of themselves.
_SENTENCES: Final[Mapping[tuple[str, str], str]] = {
    ("filter", "format"): "Returns a text with its % places filled in.",
    ("filter", "to_yaml"): "Returns a value as YAML.",
    ("filter", "to_nice_yaml"): "Returns a value as YAML in block style, indented by four.",
    ("filter", "from_yaml"): "Returns the value that a YAML text holds.",
    ("filter", "from_yaml_all"): "Returns the values of all documents of a YAML text.",
    ("filter", "lists_difference"): "Returns the items of the first list that no other has.",
    ("filter", "lists_intersect"): "Returns the items that all lists have.",
    ("filter", "lists_symmetric_difference"): "Returns the items that one list alone has.",
    ("filter", "lists_union"): "Returns the items of all lists, each once.",
    ("filter", "to_milliseconds"): "Returns a duration such as `1h 30m` in milliseconds.",
    ("filter", "to_seconds"): "Returns a duration such as `1h 30m` in seconds.",
    ("filter", "to_minutes"): "Returns a duration such as `1h 30m` in minutes.",
    ("filter", "to_hours"): "Returns a duration such as `1h 30m` in hours.",
    ("filter", "to_days"): "Returns a duration such as `1h 30m` in days.",
    ("filter", "to_weeks"): "Returns a duration such as `1h 30m` in weeks.",
    ("filter", "to_months"): "Returns a duration such as `1h 30m` in months.",
    ("filter", "to_years"): "Returns a duration such as `1h 30m` in years.",
    ("test", "vaulted_file"): "True for a file of the controller that a vault encrypted.",
    ("lookup", "cartesian"): "All combinations of lists.",
    ("lookup", "dict"): "The entries of a mapping, as `key` and `value`.",
    ("lookup", "flattened"): "A list with all lists inside flattened.",
    ("lookup", "indexed_items"): "Pairs of a counter and an item.",
    ("lookup", "items"): "The items, lists inside flattened one level.",
    ("lookup", "list"): "The items as they are.",
    ("lookup", "nested"): "All combinations of lists.",
    ("lookup", "sequence"): "Numbers from start to end, formatted.",
    ("lookup", "subelements"): "Pairs of a mapping and an item of a list inside it.",
    ("lookup", "together"): "Items of lists side by side.",
    ("lookup", "varnames"): "Names of variables that match a pattern.",
    ("lookup", "vars"): "The values of variables by name.",
    ("lookup", "env"): "Variables of the controller's environment.",
    ("lookup", "unvault"): "The contents of encrypted files.",
}


def functions() -> Mapping[str, Mapping[str, str]]:
    """Returns filter, test, lookup -> name -> sentence, "" where it is another library's."""
    found = make_templater(Invocation(), ".").tables
    return {
        kind: {
            name: _SENTENCES.get((kind, name)) or sentence(call)
            for name, call in sorted(table.items()) if "." not in name
        }
        for kind, table in found.items()
    }


def sentence(call: Callable[..., Any]) -> str:
    """Returns the first line of what a function says of itself, if it is ours."""
    # Another library's words change with its version.
    if not str(getattr(call, "__module__", "")).startswith("fleetrun."):
        return ""
    return (call.__doc__ or "").strip().partition("\n")[0]


def keywords() -> Mapping[str, str]:
    """Returns the keywords that are supported -> what they do, on each level where they stand."""
    found: dict[str, list[str]] = {}
    for level, table in KEYWORDS.items():
        for keyword in table.values():
            if keyword.is_supported:
                line = f"{keyword.doc} Takes: {keyword.type}."
                found.setdefault(keyword.name, []).append(f"{level.value}: {line}")
    return {name: "\n".join(_folded(lines)) for name, lines in sorted(found.items())}


def _folded(lines: list[str]) -> list[str]:
    """Levels that say the same, on one line."""
    by_text: dict[str, list[str]] = {}
    for line in lines:
        level, _, text = line.partition(": ")
        by_text.setdefault(text, []).append(level)
    return [f"{', '.join(levels)}: {text}" for text, levels in by_text.items()]
