"""Shows the operator's mistakes: the line, a caret, and what to do."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from fleetrun.errors import InputError, Mark, Problem

_RED, _BLUE, _BOLD, _PLAIN = "\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"
_MAX_SOURCE_BYTES = 16 << 20
_TAB = "    "

#: Gives the text of a file, or None when it cannot be read.
SourceReader = Callable[[str], str | None]


def render_problems(
    error: InputError, *, color: bool = False, width: int = 100, limit: int = 25,
    read_source: SourceReader | None = None,
) -> str:
    """All problems of `error` as text that ends with a newline.

    At most `limit` are shown in full. Nothing from a file reaches the terminal
    unescaped.
    """
    sources = _Sources(read_source or _read_file)
    paint = _paint if color else _no_paint
    shown = error.problems[:limit]
    parts = [_render(problem, sources, paint, width) for problem in shown]
    more = len(error.problems) - len(shown)
    if more:
        parts.append(f"and {more} more problem{'s' * (more > 1)}\n")
    if len(error.problems) > 1:
        parts.append(f"{len(error.problems)} problems; nothing was contacted\n")
    return "\n".join(parts)


def _render(
    problem: Problem, sources: _Sources, paint: Callable[[str, str], str], width: int
) -> str:
    lines = [paint(_RED, f"error[{problem.kind}]") + paint(_BOLD, f": {_clean(problem.message)}")]
    gutter = len(str(problem.mark.line)) if problem.mark else 1
    bar = paint(_BLUE, " " * gutter + " |")
    if problem.mark is not None:
        lines.append(paint(_BLUE, " " * gutter + "-->") + f" {_clean(str(problem.mark))}")
        source = sources.line(problem.mark)
        if source is not None:
            text, caret = _underlined(source, problem.mark, max(20, width - gutter - 4))
            label = f" {_clean(problem.label)}" if problem.label else ""
            number = paint(_BLUE, f"{problem.mark.line} |")
            lines += [bar, f"{number} {text}".rstrip(), f"{bar} {paint(_RED, caret + label)}"]
    if problem.label and (problem.mark is None or len(lines) == 2):
        lines.append(" " * gutter + f" = {_clean(problem.label)}")
    if problem.allowed:
        lines += _note("allowed", ", ".join(problem.allowed), gutter, width)
    if problem.hint:
        lines += _note("help", problem.hint, gutter, width)
    return "\n".join(lines) + "\n"


def _note(title: str, text: str, gutter: int, width: int) -> list[str]:
    start = " " * gutter + f" = {title}: "
    return textwrap.wrap(
        _clean(text), width=max(width, len(start) + 20), initial_indent=start,
        subsequent_indent=" " * len(start), break_long_words=False, break_on_hyphens=False,
    )


def _underlined(source: str, mark: Mark, width: int) -> tuple[str, str]:
    """A window of the source line and the carets below it."""
    start = min(mark.column - 1, len(source))
    end = min(start + mark.length, max(len(source), start + 1))
    before, under = _clean(source[:start]), _clean(source[start:end])
    after = _clean(source[end:])
    if _columns(before + under + after) > width:
        before, under, after = _window(before, under, after, width)
    carets = "^" * max(1, _columns(under))
    return before + under + after, " " * _columns(before) + carets


def _window(before: str, under: str, after: str, width: int) -> tuple[str, str, str]:
    """The parts of a line that is too long, cut around the place that matters."""
    under = under[: max(1, width // 2)]
    room = max(0, width - len(under) - 6)
    left = min(len(before), max(room // 2, room - len(after)))
    before = "..." + before[len(before) - left:] if left < len(before) else before
    right = max(0, room - left)
    after = after[:right] + "..." if right < len(after) else after
    return before, under, after


def _clean(text: str) -> str:
    """`text` without anything that moves the cursor or hides something."""
    if text.isprintable():
        return text
    return "".join(_TAB if char == "\t" else char if char.isprintable() else
                   char.encode("unicode_escape").decode() for char in text)


def _columns(text: str) -> int:
    """How many columns `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _paint(style: str, text: str) -> str:
    return f"{style}{text}{_PLAIN}"


def _no_paint(_style: str, text: str) -> str:
    return text


class _Sources:
    """Lines of the files that marks point into, each file read once."""

    def __init__(self, read: SourceReader) -> None:
        self._read = read
        self._lines: dict[str, Sequence[str] | None] = {}

    def line(self, mark: Mark) -> str | None:
        """The line of a mark; None when the file cannot be read or is shorter."""
        if mark.file not in self._lines:
            text = self._read(mark.file)
            self._lines[mark.file] = None if text is None else _split(text)
        lines = self._lines[mark.file]
        if lines is None or not 0 < mark.line <= len(lines):
            return None
        return lines[mark.line - 1]


def _split(text: str) -> list[str]:
    """Lines as YAML counts them."""
    for end in ("\r\n", "\r", "\x85", "\u2028", "\u2029"):
        text = text.replace(end, "\n")
    return text.removeprefix("\ufeff").split("\n")


def _read_file(file: str) -> str | None:
    try:
        with Path(file).open("rb") as content:
            return content.read(_MAX_SOURCE_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
