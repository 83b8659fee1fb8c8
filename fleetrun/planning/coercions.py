"""Ansible's coercions of one value to one type. Each raises Misfit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fleetrun.model.module import ArgType
from fleetrun.model.values import Value
from fleetrun.planning.free_form import split_words, unquote

_TRUE: Final = frozenset({"y", "yes", "on", "1", "true", "t", "1.0"})
_FALSE: Final = frozenset({"n", "no", "off", "0", "false", "f", "0.0"})
_SYMBOLIC_MODE: Final = re.compile(
    r"[ugoa]*(?:[-+=](?:[rwxXst]+|[ugo])?)+(?:,[ugoa]*(?:[-+=](?:[rwxXst]+|[ugo])?)+)*"
)


class Misfit(Exception):  # noqa: N818  # reads better where it is raised
    """A value does not fit a type; the message reads on after the argument's name."""


def as_is(value: Value) -> Value:
    return value


def to_str(value: Value) -> Value:
    """Text; a list or mapping becomes JSON (as Ansible's copy does with content)."""
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, (Mapping, Sequence)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)


def _plain(value: Value) -> object:
    """What JSON can hold in place of a value that it cannot."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return dict(value) if isinstance(value, Mapping) else str(value)


def to_path(value: Value) -> Value:
    text = to_str(value)
    if not text:
        raise Misfit("is an empty path")
    if "\0" in str(text):
        raise Misfit("is a path that holds a NUL character")
    return text


def to_bool(value: Value) -> Value:
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Misfit("must be yes or no")


def to_int(value: Value) -> Value:
    number = _to_number(value, "must be a whole number")
    if number != int(number):
        raise Misfit("must be a whole number")
    return int(number)


def to_float(value: Value) -> Value:
    return float(_to_number(value, "must be a number"))


def _to_number(value: Value, complaint: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Misfit(complaint)
    try:
        number = int(value) if isinstance(value, (int, str)) else value
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            raise Misfit(complaint) from None
    if number in {float("inf"), float("-inf")} or number != number:  # noqa: PLR0124  # NaN
        raise Misfit(complaint)
    return number


def to_list(value: Value) -> list[Value]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value.strip() else []
    if isinstance(value, (Mapping, bytes, bool)):
        raise Misfit("must be a list")
    if isinstance(value, Sequence):
        return list(value)
    return [value]


def to_dict(value: Value) -> Value:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        raise Misfit("must be a mapping")
    if value.lstrip().startswith("{"):
        try:
            parsed: Value = json.loads(value)
        except json.JSONDecodeError as exc:
            raise Misfit(f"is not valid JSON ({exc.msg})") from None
        return parsed
    pairs = {}
    try:
        words = split_words(value.replace(",", " "))
    except ValueError as exc:
        raise Misfit(str(exc)) from None
    for _, word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise Misfit("must be a mapping, JSON or k=v words")
        pairs[name] = unquote(text)
    return pairs


def to_mode(value: Value) -> Value:
    """Mode text from any way to write a mode; symbolic modes and `preserve` as they are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return _mode_from_number(value)
    if not isinstance(value, str):
        raise Misfit("must be a file mode such as '0644' or 'u=rw,go=r'")
    text = value.strip()
    digits = text.removeprefix("0o") if text.startswith("0o") else text
    if re.fullmatch(r"[0-7]{1,5}", digits) and int(digits, 8) <= 0o7777:
        return f"{int(digits, 8):04o}"
    if text == "preserve" or _SYMBOLIC_MODE.fullmatch(text):
        return text
    raise Misfit("must be a file mode such as '0644' or 'u=rw,go=r'")


def _mode_from_number(number: int) -> str:
    """The mode that an unquoted number meant, where only one reading makes sense.

    YAML reads 0644 as octal, which is the number 420: that is what was meant.
    644 without a zero is the number 644, which is 01204 in octal: nobody means
    that, so it is an error instead of a file with strange rights.
    """
    if number == 0:
        return "0000"
    if 0 < number <= 0o7777 and _is_usual_mode(f"{number:o}") and not _is_usual_mode(str(number)):
        return f"{number:04o}"
    meant = f"0{number}" if re.fullmatch(r"[0-7]{3,4}", str(number)) else "0644"
    raise Misfit(f"is an unquoted number that is no usual file mode; quote it, e.g. '{meant}'")


def _is_usual_mode(digits: str) -> bool:
    """True when `digits` read as octal are rights that people give files.

    That is: nobody may write what he cannot read, the group has no right that
    the owner lacks and others none that the group lacks, and "enter only" (1)
    goes with an owner who may do everything.
    """
    if not re.fullmatch(r"[0-7]{3,4}", digits):
        return False
    owner, group, other = (int(digit) for digit in digits[-3:])
    if any(bits in {2, 3} for bits in (owner, group, other)):
        return False
    if 1 in {owner, group, other} and owner != 7:
        return False
    return group & ~owner == 0 and other & ~group == 0


COERCIONS: Final[Mapping[ArgType, Callable[[Value], Value]]] = {
    ArgType.STR: to_str,
    ArgType.PATH: to_path,
    ArgType.BOOL: to_bool,
    ArgType.INT: to_int,
    ArgType.FLOAT: to_float,
    ArgType.LIST: to_list,
    ArgType.DICT: to_dict,
    ArgType.MODE: to_mode,
    ArgType.RAW: as_is,
}
