"""What a sandbox refuses before it is made: long texts and numbers out of short ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from jinja2.sandbox import SandboxedFormatter
from typing_extensions import override

from fleetrun.model.values import SecretText
from fleetrun.planning.templates_values import Budget, BudgetError, finish

_WIDE_FIELD = re.compile(r"\d{8,}")
_WIDE_PERCENT = re.compile(r"%[^a-zA-Z%]*\d{8,}")
_STAR_PERCENT = re.compile(r"%[^a-zA-Z%]*\*")
#: Methods that make a long text out of a number.
PADDING: Final = frozenset({"center", "expandtabs", "ljust", "rjust", "zfill"})
#: Longest number, in bits, that ``*`` and ``**`` may make.
_MAX_BITS = 100_000
SEQUENCES: Final = frozenset({str, list, SecretText})


class Formatter(SandboxedFormatter):
    """Formats texts as ``str.format`` does, without asking for gigabytes."""

    @override
    def format_field(self, value: Any, format_spec: str) -> Any:
        if _WIDE_FIELD.search(format_spec):
            raise BudgetError("a format asks for a very long text")
        return super().format_field(finish(value), format_spec)


def check_binop(budget: Budget, operator: str, left: Any, right: Any) -> None:
    """Raises BudgetError when ``left OPERATOR right`` would be too large."""
    kinds = (left.__class__, right.__class__)
    if operator == "+" and kinds[0] is kinds[1] and kinds[0] in SEQUENCES:
        budget.check_size(len(left) + len(right))
    elif operator == "%" and kinds[0] is str:
        check_percent(budget, left, right)
    elif operator == "*":
        _check_product(budget, left, right)
    elif operator == "**" and kinds == (int, int):
        _check_bits(left.bit_length() * abs(right))


def _check_product(budget: Budget, left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())
    elif left.__class__ in SEQUENCES and isinstance(right, int):
        budget.check_size(len(left) * right)
    elif right.__class__ in SEQUENCES and isinstance(left, int):
        budget.check_size(len(right) * left)


def _check_bits(bits: int) -> None:
    if bits > _MAX_BITS:
        raise BudgetError("a number gets too long")


def check_replace(budget: Budget, text: str, old: Any, new: Any) -> None:
    """Raises BudgetError when replacing `old` by `new` makes too long a text."""
    if isinstance(old, str) and isinstance(new, str) and len(new) > len(old):
        budget.check_size(len(text) + text.count(old) * len(new))


def check_percent(budget: Budget, form: str, args: Any) -> None:
    """Raises BudgetError when ``form % args`` asks for too long a text."""
    if _WIDE_PERCENT.search(form):
        raise BudgetError("a format asks for a very long text")
    if _STAR_PERCENT.search(form):
        for arg in args if isinstance(args, tuple) else (args,):
            budget.check_size(arg if isinstance(arg, int) else 0)


def counted_range(budget: Budget) -> Callable[..., range]:
    """Returns ``range``, which makes no more numbers than a rendering has steps."""

    def make(*args: int) -> range:
        numbers = range(*args)
        if len(numbers) > budget.max_steps:
            raise BudgetError(f"a range has {len(numbers):,} numbers")
        return numbers

    return make
