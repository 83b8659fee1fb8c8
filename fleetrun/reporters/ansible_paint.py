"""Ansible's colours and banners. Pure."""

from __future__ import annotations

import unicodedata
from typing import Final

_CODES: Final = {
    "ok": "0;32", "changed": "0;33", "skip": "0;36", "error": "0;31", "unreachable": "1;31",
    "retry": "1;30", "warning": "1;35", "added": "0;32", "removed": "0;31", "hunk": "0;36",
}
#: A banner is this wide, and one more.
BANNER_COLUMNS: Final = 79


class Paint:
    """Paints lines as Ansible does: each line of a text by itself."""

    def __init__(self, *, colour: bool) -> None:
        self.is_used = colour

    def text(self, text: str, name: str) -> str:
        """Returns the text in a colour, without line breaks in it."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.is_used else text

    def lines(self, text: str, name: str) -> list[str]:
        """Returns the lines of a text, each in a colour."""
        return [self.text(line, name) for line in text.split("\n")]


def banner(text: str, columns: int = BANNER_COLUMNS) -> str:
    """Returns "\\nTASK [x] ****…", a line of its own width."""
    return f"\n{text} {'*' * max(columns - _width(text), 3)}"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
