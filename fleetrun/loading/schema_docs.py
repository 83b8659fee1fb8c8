"""Writes the reference page of the playbook keywords from the schema's tables."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.loading.schema import KEYWORDS, Keyword, Level, supported_names


def keyword_reference() -> str:
    """The reference page of all keywords, as Markdown."""
    parts = [
        "# Playbook keywords\n",
        "Generated from `fleetrun/loading/schema.py`. A keyword that is not listed is an error.\n"
        "Each level has a page with a section for each keyword: "
        + ", ".join(f"[{level.value}](keywords/{level.value.replace(' ', '-')}.md)"
                    for level in KEYWORDS) + ".\n",
    ]
    for level, table in KEYWORDS.items():
        if level in {Level.INCLUDE_TASKS, Level.IMPORT_TASKS}:
            parts.append(_subset_section(level))
        else:
            parts.append(_section(level, table))
    return "\n".join(parts)


def _section(level: Level, table: Mapping[str, Keyword]) -> str:
    rows = [f"## {level.value}\n", "| keyword | takes | meaning |", "|---|---|---|"]
    rows += [
        f"| `{k.name}` | {k.type} | {_cell(k.doc)} |" for k in table.values() if k.is_supported
    ]
    later = [k for k in table.values() if not k.is_supported]
    if later:
        rows += ["\nKnown, not supported yet:\n", "| keyword | what to do instead |", "|---|---|"]
        rows += [f"| `{k.name}` | {_cell(k.instead)} |" for k in later]
    return "\n".join(rows) + "\n"


def _subset_section(level: Level) -> str:
    names = ", ".join(f"`{name}`" for name in supported_names(level))
    return f"## {level.value}\n\nTakes {names}.\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
