"""Text of devices made safe to show: nothing of it is ever a control sequence."""

from __future__ import annotations

from typing import Final

#: Not "printable" to Python, yet harmless, and common in real text.
_HARMLESS_SPACES: Final = "\u00a0\u3000"


def escape(text: str | bytes, *, keep: str = "") -> str:
    """Returns text with all that is not plainly visible written as an escape.

    Control characters and ANSI sequences, C1 controls, bidirectional and
    zero-width characters, lone surrogates and line separators become ``\\x1b``,
    ``\\u202e`` and so on; bytes that are no UTF-8 become ``\\xff``. Characters
    in `keep` (such as a newline) stay.
    """
    if isinstance(text, (bytes, bytearray)):
        text = bytes(text).decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    kept = keep + _HARMLESS_SPACES
    return "".join(
        char if char.isprintable() or char in kept else _shown(char) for char in text
    )


def escape_block(text: str | bytes) -> str:
    """Returns text of several lines: newlines and tabs stay, CR LF is one."""
    if isinstance(text, (bytes, bytearray)):
        text = bytes(text).decode("utf-8", "backslashreplace")
    return escape(text.replace("\r\n", "\n"), keep="\n\t")


def escape_line(text: str | bytes) -> str:
    """Returns text on one line: each newline is shown as a space."""
    return escape(" ".join(escape_block(text).split()))


def clip(text: str, width: int) -> str:
    """Returns at most `width` characters; a longer text ends in an ellipsis."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def _shown(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        # An undecodable byte, as Python's "surrogateescape" keeps it.
        return f"\\x{code - 0xDC00:02x}"
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if named:
        return named
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
