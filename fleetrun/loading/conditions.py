"""Conditions of the operator: ``when`` and its kin become `Expression`s.

A condition is an expression without braces. Two older notations are still
understood, as in Ansible 2.19: braces around the whole condition, and braces
inside a string literal; both are rewritten to plain expressions.
"""

from __future__ import annotations

import re

from fleetrun.loading.fields import Field, type_name
from fleetrun.model.values import Expression, Value

_LITERAL = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_WHOLE = re.compile(r"\s*\{\{(.*)\}\}\s*\Z", re.DOTALL)
_INNER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def read_conditions(field: Field) -> tuple[Value, ...]:
    """The conditions at `field`, all of which must hold; () when there is none."""
    fields = field.children() if isinstance(field.value, list) else [field]
    found = [read_condition(one) for one in fields if one.value is not None or len(fields) > 1]
    return tuple(condition for condition in found if condition is not None)


def read_condition(field: Field) -> Value:
    """An `Expression`, True or False; None after a complaint."""
    value = field.value
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value.strip():
        field.complain(
            "input/type", f"a condition of `{field.key}` must be an expression, "
            f"not {type_name(value) if not isinstance(value, str) else 'empty text'}",
            hint="write an expression such as `result.rc == 0`, or true or false",
        )
        return None
    text = _without_braces(value)
    if text is None:
        field.complain(
            "input/condition-template", f"a condition of `{field.key}` has no braces",
            label="write the names without {{ }}", hint="for example: when: size == 42",
        )
        return None
    return Expression(text, field.mark)


def _without_braces(text: str) -> str | None:
    """`text` as a plain expression; None when braces stand between operators."""
    if not ("{{" in text or "{%" in text or "{#" in text):
        return text
    whole = _WHOLE.match(text)
    if whole and not _has_braces(whole[1]):
        return whole[1].strip()
    if _has_braces(text):
        return None
    return _LITERAL.sub(_inline, text)


def _has_braces(text: str) -> bool:
    """True when template signs stand outside of string literals."""
    bare = _LITERAL.sub("''", text)
    return any(sign in bare for sign in ("{{", "{%", "{#"))


def _inline(literal: re.Match[str]) -> str:
    """'a{{ b }}' as ('a' ~ (b) ~ '')."""
    text = literal[0]
    if not _INNER.search(text):
        return text
    quote = text[0]
    return "(" + _INNER.sub(lambda inner: f"{quote} ~ ({inner[1].strip()}) ~ {quote}", text) + ")"
