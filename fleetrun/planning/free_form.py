"""Splits ``k=v`` text into words, by the rules of Ansible's free-form arguments."""

from __future__ import annotations

import re
from typing import Final

#: The argument that free text is kept under.
RAW_PARAMS: Final = "_raw_params"

_OPENERS: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
#: A backslash and what follows, where it means one character. Source: the
#: escapes Ansible decodes in the values of k=v arguments (seen with 2.19).
_ESCAPE: Final = re.compile(
    r"\\(?:U[0-9A-Fa-f]{8}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|[\\'\"abfnrtv])"
)
_SIMPLE_ESCAPES: Final = {
    "\\": "\\", "'": "'", '"': '"',
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}


def split_words(text: str) -> list[tuple[str, str]]:
    """Returns (white space before it, word) for each word of `text`.

    Words keep their quotes. White space splits words only outside quotes and
    outside ``{{ }}``, ``{% %}``, ``{# #}``. A backslash at the end of a line is
    white space. Raises ValueError for a quote or a brace that is never closed.
    """
    words: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        start = _skip_space(text, position)
        if start == len(text):
            break
        end = _end_of_word(text, start)
        words.append((text[position:start], text[start:end]))
        position = end
    return words


def unquote(word: str) -> str:
    """Returns the value that a word of a k=v pair stands for.

    One pair of outer quotes is removed; backslash escapes are decoded.
    """
    text = _ESCAPE.sub(_decode_escape, word.strip())
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\"
    return text[1:-1] if is_quoted else text


def _decode_escape(match: re.Match[str]) -> str:
    body = match[0][1:]
    if body[0] in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[body[0]]
    if body[0] in "Uux":
        code = int(body[1:], 16)
        return chr(code) if code <= 0x10FFFF else match[0]
    return chr(int(body, 8))


def _skip_space(text: str, position: int) -> int:
    while position < len(text):
        if text.startswith("\\\n", position):
            position += 2
        elif text[position].isspace():
            position += 1
        else:
            break
    return position


def _end_of_word(text: str, position: int) -> int:
    """Index after the word that starts at `position`."""
    quote = ""
    while position < len(text):
        pair = text[position : position + 2]
        char = text[position]
        if pair in _OPENERS:
            position = _end_of_braces(text, position)
        elif char == "\\" and (quote or pair != "\\\n"):
            position += 2
        elif not quote and (char.isspace() or char == "\\"):
            return position
        else:
            if char in "\"'" and quote in {"", char}:
                quote = "" if quote else char
            position += 1
    if quote:
        raise ValueError(f"a quote {quote} is never closed")
    return min(position, len(text))


def _end_of_braces(text: str, position: int) -> int:
    """Index after the braces that open at `position`; quotes do not count inside."""
    closers: list[str] = []
    while position < len(text):
        pair = text[position : position + 2]
        if pair in _OPENERS:
            closers.append(_OPENERS[pair])
            position += 2
        elif pair == closers[-1]:
            closers.pop()
            position += 2
            if not closers:
                return position
        else:
            position += 1
    raise ValueError(f"{closers[-1]} is missing")
