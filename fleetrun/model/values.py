"""Values of the language, and the two kinds of text that are programs.

Design rule: *device data is a value, never a program*. Text is a template only
if the loader made it a `TemplateText` because it stood in one of the operator's
files (or on the command line). Everything else (facts, stdout, host names, file
names, rendered results) is a plain ``str`` and is never rendered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from fleetrun.errors import Mark

Value: TypeAlias = "bool | int | float | str | bytes | Sequence[Value] | Mapping[str, Value] | None"
Vars: TypeAlias = Mapping[str, Value]

NO_VARS: Final[Vars] = {}


class TemplateText(str):
    """Operator's text that holds ``{{ }}``, ``{% %}`` or ``{# #}``."""

    __slots__ = ("mark",)
    mark: Mark | None

    def __new__(cls, text: str, mark: Mark | None = None) -> TemplateText:
        """Returns `text` as a template that stands at `mark`."""
        self = super().__new__(cls, text)
        self.mark = mark
        return self


class Expression(str):
    """Operator's bare expression, as in ``when:`` (no braces)."""

    __slots__ = ("mark",)
    mark: Mark | None

    def __new__(cls, text: str, mark: Mark | None = None) -> Expression:
        """Returns `text` as an expression that stands at `mark`."""
        self = super().__new__(cls, text)
        self.mark = mark
        return self


class SecretText(str):
    """A plain string that must reach no sink (vault values, passwords)."""

    __slots__ = ()
