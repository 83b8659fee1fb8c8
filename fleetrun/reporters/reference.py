"""docs/reference/events.md, made from the event classes themselves.

Write it anew with ``python -m fleetrun.reporters.reference > docs/reference/events.md``.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields
from typing import Final

from fleetrun.model.events import EVENT_TYPES, EVENT_VERSION, Event
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.reporters.jsonl import FORMAT

_INTRO: Final = f"""# Events

<!-- Made by `python -m fleetrun.reporters.reference`; do not edit. -->

A run is one ordered stream of events (version {EVENT_VERSION}). The journal keeps
every one of them; `--output json` prints them on stdout, one JSON object per line.

The first line of `--output json` is `{{"type":"version","format":{FORMAT},"fleetrun":"…"}}`.
Every other line has `type`, `seq` (from 1, without gaps), `at` (seconds since the
epoch, never to be used for order) and all fields below. Fields and types are only
ever added within a format: ignore those that you do not know.

Text of devices stands as they sent it; bytes that are no UTF-8 are written `\\xff`,
numbers that JSON lacks as `null`. A task with `no_log` shows its status and, in
place of all values, `censored`. Known secrets are `********` everywhere.
"""

#: How annotations of Python read in JSON.
_JSON_NAMES: Final = {
    "str": "string", "int": "integer", "float": "number", "float | None": "number or null",
    "bool": "boolean",
    "tuple[int, ...]": "array of integers", "tuple[str, ...]": "array of strings",
    "tuple[str, ...] | None": "array of strings or null",
    "Mapping[str, int]": "object, name to integer",
    "Mapping[str, Outcome]": "object, device to [outcome](#outcomes)",
    "Mapping[str, Value]": "object", "Outcome": "[outcome](#outcomes)",
    "TaskResult": "[result](#result)", "TaskStatus": "[status](#statuses)",
    "Recap": "[recap](#recap)",
}


def events_reference() -> str:
    """Returns the whole page as Markdown, with a newline at its end."""
    parts = [_INTRO]
    for name, cls in EVENT_TYPES.items():
        parts.append(f"## {name}\n\n{_first_line(cls)}\n\n{_table(cls)}")
    parts += [
        f"## Result\n\n{_first_line(TaskResult)}\n\n{_table(TaskResult)}",
        f"## Recap\n\n{_first_line(Recap)}\n\n{_table(Recap)}",
        f"## Outcomes\n\n{_first_line(Outcome)}\n\n{_names(Outcome)}",
        f"## Statuses\n\n{_first_line(TaskStatus)}\n\n{_names(TaskStatus)}",
    ]
    return "\n".join(parts)


def _table(cls: type) -> str:
    rows = ["| field | type | meaning |", "|---|---|---|"]
    meanings = _comments(Event) | _comments(cls)
    for field in fields(cls):
        if field.name == "at" and cls is not Event:
            continue
        meaning = meanings.get(field.name, "")
        kind = _JSON_NAMES[str(field.type)]
        rows.append(f"| `{field.name}` | {kind} | {meaning} |")
    return "\n".join(rows) + "\n"


def _comments(cls: type) -> dict[str, str]:
    """Field -> its ``#:`` comment, joined to one line."""
    found: dict[str, str] = {}
    gathered: list[str] = []
    for line in inspect.getsource(cls).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            gathered.append(text[2:].strip())
            continue
        name = re.match(r"(\w+):", text)
        if name and gathered:
            found[name[1]] = " ".join(gathered).replace("|", "\\|")
        gathered = []
    return found


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def _names(cls: type[Outcome] | type[TaskStatus]) -> str:
    return ", ".join(f"`{member.value}`" for member in cls) + "\n"


if __name__ == "__main__":
    sys.stdout.write(events_reference())
