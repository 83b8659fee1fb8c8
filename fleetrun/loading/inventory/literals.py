"""Values of INI inventories: Python literals where they are some, else text."""

from __future__ import annotations

import ast
import re
import warnings

from fleetrun.errors import Mark
from fleetrun.loading.yamlfile import as_operator_text
from fleetrun.model.values import Value

_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z")
#: No literal looks like these: words, paths and addresses. They are most values.
_TEXT = re.compile(r"(?:[A-Za-z_/~][^'\"]*|[0-9]+(?:\.[0-9]+){2,}[^'\"]*)\Z")
_CONSTANTS: dict[str, Value] = {"True": True, "False": False, "None": None}
#: Long text is never a number or list that a person wrote; parsing it costs much.
_MAX_LITERAL_CHARS = 100_000


def typed(text: str, mark: Mark | None = None) -> Value:
    """The value that `text` writes; strings with ``{{`` become templates."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.match(text):
        return int(text)
    if not text or _TEXT.match(text) or len(text) > _MAX_LITERAL_CHARS:
        return as_operator_text(text, mark)
    try:
        with warnings.catch_warnings():
            # "\d" in a quoted value is an odd escape to Python, not to the operator.
            warnings.simplefilter("ignore")
            literal = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return as_operator_text(text, mark)
    try:
        return _plain(literal, mark)
    except (TypeError, RecursionError):
        return as_operator_text(text, mark)


def _plain(literal: object, mark: Mark | None) -> Value:
    """A literal as plain data. Raises TypeError for what the language has no value for."""
    if literal is None or isinstance(literal, bool | int | float):
        return literal
    if isinstance(literal, str):
        return as_operator_text(literal, mark)
    if isinstance(literal, list | tuple):
        return [_plain(item, mark) for item in literal]
    if isinstance(literal, set):
        return sorted((_plain(item, mark) for item in literal), key=repr)
    if isinstance(literal, dict):
        if not all(isinstance(key, str) for key in literal):
            raise TypeError("a key is no text")
        return {key: _plain(value, mark) for key, value in literal.items()}
    raise TypeError(f"no value for a {type(literal).__name__}")
