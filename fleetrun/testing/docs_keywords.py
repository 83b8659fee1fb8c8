"""docs/reference/keywords/*.md: every keyword, with an anchor of its own, by level."""

from __future__ import annotations

from typing import Final

from fleetrun.loading.schema import KEYWORDS, Keyword, Level

_MADE: Final = "<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->\n"

#: What a keyword looks like, by what it takes.
_LIKE: Final = {
    "yes/no": "true", "number": "3", "number of seconds": "30", "N%": "95%", "text": "deploy",
    "word": "linear", "variable name": "result", "condition or list of conditions":
    "ansible_facts.os_family == 'Debian'", "list of text": "[config, web]",
    "text or list of text": "restart app", "number or N%": "10%",
    "number, N% or list of them": "[1, 10%, 100%]", "pattern or list of patterns": "web:&berlin",
    "file name": "other.yml", "list of file names": "[vars/site.yml]", "duration": "30m",
    "list": "[a, b]", "mapping or list of mappings": "{PATH: /opt/bin:/usr/bin}",
    "group or list of groups": "gateways",
}


def page_name(level: Level) -> str:
    """Returns the file of a level's page, below docs/reference."""
    return f"keywords/{level.value.replace(' ', '-')}.md"


def level_page(level: Level) -> str:
    """Returns the page of one level, a section for each keyword."""
    shown = [keyword for keyword in KEYWORDS[level].values() if keyword.is_supported]
    parts = [f"# Keywords of {_article(level)}\n", _MADE]
    parts.append(", ".join(f"[{k.name}](#{_anchor(k.name)})" for k in shown) + "\n")
    parts += [section(keyword, level) for keyword in shown]
    parts.append("All levels: [playbook keywords](../playbook-keywords.md)")
    return "\n".join(parts) + "\n"


def section(keyword: Keyword, level: Level) -> str:
    """Returns what is said of one keyword at one level."""
    also = [
        other.value for other, table in KEYWORDS.items()
        if other is not level and keyword.name in table and table[keyword.name].is_supported
    ]
    parts = [f"## {keyword.name}\n", keyword.doc + "\n", f"- Takes: {keyword.type}."]
    if also:
        parts.append(f"- Also on: {', '.join(also)}.")
    like = _LIKE.get(keyword.type)
    if like is not None:
        parts.append(f"- Looks like: `{keyword.name}: {like}`")
    return "\n".join(parts) + "\n"


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _article(level: Level) -> str:
    words = level.value
    return f"an {words}" if words[0] in "aio" else f"a {words}"
