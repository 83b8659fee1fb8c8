"""Colours of outcomes, and whether to use any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_CODES: Final[Mapping[str, str]] = {
    "ok": "32", "changed": "33", "skipped": "36", "failed": "31", "unreachable": "91",
    "pending": "34", "cancelled": "90", "unknown": "35",
    "good": "32", "bad": "31", "warning": "33", "strong": "1", "faint": "2",
    "added": "32", "removed": "31", "hunk": "36",
}

#: One glyph per status, so that colour is never the only sign.
GLYPHS: Final[Mapping[str, str]] = {
    "ok": "✓", "changed": "~", "skipped": "-", "failed": "✗", "unreachable": "↯",
    "pending": "…", "cancelled": "∅", "unknown": "?",
}


def wants_colour(*, is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Returns True when output may be coloured.

    Source: no-color.org; bixense.com/clicolors (CLICOLOR_FORCE).
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return is_terminal and environ.get("TERM") != "dumb"


class Palette:
    """Paints text, or leaves it as it is."""

    def __init__(self, *, colour: bool) -> None:
        self._is_used = colour

    def paint(self, text: str, name: str) -> str:
        """Returns the text in the colour of an outcome or a role."""
        code = _CODES.get(name)
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_used and code else text
