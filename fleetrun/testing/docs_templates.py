"""docs/reference/templates.md: filters, tests and lookups."""

from __future__ import annotations

from typing import Final

from fleetrun.app.vocabulary import functions

_INTRO: Final = """# Filters, tests and lookups

<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->

`fleetrun doc -t filter NAME` shows the same in a terminal. All may be written with the prefix
`ansible.builtin.`. Those without a sentence are [Jinja's own](https://jinja.palletsprojects.com).
Plain Python functions in `filter_plugins/`, `test_plugins/` and `lookup_plugins/` beside the
playbook come on top.
"""
_TITLES: Final = {"filter": "Filters", "test": "Tests", "lookup": "Lookups"}


def template_reference() -> str:
    """Returns the whole page as Markdown, with a newline at its end."""
    parts = [_INTRO]
    for kind, table in functions().items():
        parts += [f"## {_TITLES[kind]}\n", "| name | does |", "|---|---|"]
        parts += [f"| `{name}` | {text.replace('|', chr(92) + '|')} |" for name, text in
                  table.items()]
        parts.append("")
    return "\n".join(parts).rstrip("\n") + "\n"
