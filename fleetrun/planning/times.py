"""Spans of time as people write them: "90s", "30m", "24h", "14d", "1h30m"."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?\Z")


def parse_duration(text: str) -> float | None:
    """Seconds that `text` means, or None when it is no span of time."""
    compact = "".join(text.split())
    found = _SPAN.match(compact)
    if not compact or found is None:
        return None
    parts = zip(found.groups(), _UNITS.values(), strict=True)
    return float(sum(int(part) * unit for part, unit in parts if part))


def duration_text(seconds: float) -> str:
    """`seconds` for people, exact to the second: "1d 2h", "45s", "0s"."""
    left, parts = round(seconds), []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
