"""Checks variables against a role's argument spec, with Ansible's words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fleetrun.model.values import Value
from fleetrun.planning.free_form import split_words, unquote

Spec = Mapping[str, Value]
_BOOLEANS: Final = ("y", "yes", "on", "1", "true", "t", "n", "no", "off", "0", "false", "f")
_SIZE: Final = re.compile(r"\s*(\d*\.?\d+)\s*([A-Za-z]*)\s*\Z")
#: What stands in messages for a value that must not be shown.
HIDDEN: Final = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class _Misfit(Exception):  # noqa: N818  # reads better where it is raised
    """A value cannot be converted; the message says why."""


def check_arguments(options: Spec, values: Mapping[str, Value]) -> list[str]:
    """Returns what is wrong with `values`, in Ansible's order and words.

    `options` are those of an entry point in ``meta/argument_specs.yml``.
    """
    check = _Check()
    check.level(options, dict(values), {}, ())
    if check.unknown:
        names = ", ".join(sorted(check.unknown))
        known = ", ".join(sorted(check.known))
        check.errors.append(f"{names}. Supported parameters include: {known}.")
    return check.errors


@dataclass(slots=True)
class _Check:
    errors: list[str] = field(default_factory=list)
    #: Sub-options that are not in the spec, as ``a.b``, and those that are.
    unknown: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def level(
        self, options: Spec, values: dict[str, Value], rules: Spec, path: tuple[str, ...]
    ) -> None:
        """Checks the options of one mapping; `path` leads to it."""
        where = f" found in {' -> '.join(path)}" if path else ""
        values = _by_own_names(options, values)
        self._names(options, values, rules, path, where)
        for name, spec in options.items():
            if name in values and isinstance(spec, Mapping):
                self._convert(name, spec, values, where)
        for name, spec in options.items():
            if name in values and isinstance(spec, Mapping):
                self._choose(name, spec, values[name], where)
        self._relations(rules, values, where)
        for name, spec in options.items():
            if isinstance(spec, Mapping) and spec.get("options") and values.get(name) is not None:
                self._inside(name, spec, values[name], path)

    def _names(
        self, options: Spec, values: Mapping[str, Value], rules: Spec, path: tuple[str, ...],
        where: str,
    ) -> None:
        """Which options are given, and which of them may not or must be."""
        for group in _groups(rules, "mutually_exclusive"):
            both = [name for name in group if name in values]
            if len(both) > 1:
                self.errors.append(f"parameters are mutually exclusive: {'|'.join(group)}{where}")
        if path:
            extra = [name for name in values if name not in options]
            self.unknown |= {".".join((*path, name)) for name in extra}
            self.known |= set(options) if extra else set()
        missing = sorted(
            name for name, spec in options.items()
            if _is_on(spec, "required") and name not in values
        )
        if missing:
            self.errors.append(f"missing required arguments: {', '.join(missing)}{where}")

    def _convert(self, name: str, spec: Spec, values: dict[str, Value], where: str) -> None:
        value = values[name]
        if value is None and not _is_on(spec, "required") and spec.get("default") is None:
            return
        kind = str(spec.get("type") or "str")
        try:
            values[name] = _CONVERSIONS.get(kind, _as_is)(value)
        except _Misfit as misfit:
            self.errors.append(_misfit(f"argument '{name}'", value, kind, misfit, spec, where))
            return
        elements = str(spec.get("elements") or "")
        if not elements or kind != "list" or not isinstance(values[name], list):
            return
        converted: list[Value] = []
        for element in values[name]:  # type: ignore[union-attr]  # a list, see above
            try:
                converted.append(_CONVERSIONS.get(elements, _as_is)(element))
            except _Misfit as misfit:
                what = f"Elements value for option '{name}'"
                self.errors.append(_misfit(what, element, elements, misfit, spec, where))
                converted.append(element)
        values[name] = converted

    def _choose(self, name: str, spec: Spec, value: Value, where: str) -> None:
        choices = spec.get("choices")
        if not isinstance(choices, Sequence) or isinstance(choices, str) or value is None:
            return
        shown = ", ".join(str(choice) for choice in choices)
        if isinstance(value, list):
            wrong = [one for one in value if one not in choices]
            if wrong:
                said = HIDDEN if _is_on(spec, "no_log") else ", ".join(map(str, wrong))
                self.errors.append(
                    f"value of {name} must be one or more of: {shown}. "
                    f"Got no match for: {said}{where}"
                )
        elif value not in choices and str(value) not in choices:
            said = HIDDEN if _is_on(spec, "no_log") else str(value)
            self.errors.append(f"value of {name} must be one of: {shown}, got: {said}{where}")

    def _relations(self, rules: Spec, values: Mapping[str, Value], where: str) -> None:
        given = {name for name, value in values.items() if value is not None}
        for group in _groups(rules, "required_together"):
            if 0 < len(given & set(group)) < len(group):
                self.errors.append(f"parameters are required together: {', '.join(group)}{where}")
        for group in _groups(rules, "required_one_of"):
            if not given & set(group):
                self.errors.append(f"one of the following is required: {', '.join(group)}{where}")
        rows = rules.get("required_if")
        for row in rows if isinstance(rows, list | tuple) else ():
            self._required_if(row, values, given, where)
        needs = rules.get("required_by")
        for name, needed in (needs.items() if isinstance(needs, Mapping) else ()):
            missing = [one for one in _names(needed) if one not in given]
            if name in given and missing:
                self.errors.append(
                    f"missing parameter(s) required by '{name}': {', '.join(missing)}{where}"
                )

    def _required_if(
        self, row: Value, values: Mapping[str, Value], given: set[str], where: str
    ) -> None:
        if not isinstance(row, list | tuple) or len(row) not in {3, 4}:
            return
        name, wanted, needed = str(row[0]), row[1], _names(row[2])
        if name not in values or values[name] != wanted:
            return
        missing = [one for one in needed if one not in given]
        is_any = len(row) == 4 and bool(row[3])
        if missing and (not is_any or len(missing) == len(needed)):
            which = "any" if is_any else "all"
            self.errors.append(
                f"{name} is {wanted} but {which} of the following are missing: "
                f"{', '.join(missing)}{where}"
            )

    def _inside(self, name: str, spec: Spec, value: Value, path: tuple[str, ...]) -> None:
        options = spec["options"]
        if not isinstance(options, Mapping):
            return
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, Mapping):
                self.level(options, dict(one), spec, (*path, name))


def _misfit(  # what is wrong with one value
    what: str, value: Value, kind: str, misfit: _Misfit, spec: Spec, where: str
) -> str:
    reason = str(misfit)
    if _is_on(spec, "no_log"):
        reason = reason.replace(str(value), HIDDEN)
    return (
        f"{what} is of type {type(value).__name__} and we were unable to convert to {kind}: "
        f"{reason}{where}"
    )


def _is_on(spec: Value, name: str) -> bool:
    return isinstance(spec, Mapping) and spec.get(name) is True


def _by_own_names(options: Spec, values: dict[str, Value]) -> dict[str, Value]:
    """`values` with aliases replaced by the options' own names."""
    aliases = {
        alias: name
        for name, spec in options.items() if isinstance(spec, Mapping)
        for alias in _names(spec.get("aliases"))
    }
    return {aliases.get(name, name): value for name, value in values.items()}


def _names(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _groups(rules: Spec, name: str) -> Iterable[list[str]]:
    """Groups of names; a flat list is one group."""
    value = rules.get(name)
    if not isinstance(value, list | tuple) or not value:
        return []
    if all(isinstance(one, str) for one in value):
        return [_names(value)]
    return [_names(one) for one in value]


def _as_is(value: Value) -> Value:
    return value


def _type(value: Value) -> str:
    return f"<class '{type(value).__name__}'>"


def _to_bool(value: Value) -> Value:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if isinstance(value, str | int | float) and word in _BOOLEANS:
        return word in _BOOLEANS[:6]
    valid = ", ".join(["0", "1", *(repr(word) for word in sorted(_BOOLEANS))])
    raise _Misfit(f"The value '{value}' is not a valid boolean. Valid booleans include: {valid}")


def _to_int(value: Value) -> Value:
    if isinstance(value, int):
        return value
    try:
        number = float(value) if isinstance(value, str | float) else None
    except ValueError:
        number = None
    if number is None or number != int(number):
        raise _Misfit(f'"{value!r}" cannot be converted to an int')
    return int(number)


def _to_float(value: Value) -> Value:
    try:
        if isinstance(value, str | bytes | int | float):
            return float(value)
    except ValueError:
        pass
    raise _Misfit(f"{_type(value)} cannot be converted to a float")


def _to_list(value: Value) -> Value:
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        return list(value.split(","))
    if isinstance(value, int | float):
        return [str(value)]
    raise _Misfit(f"{_type(value)} cannot be converted to a list")


def _to_dict(value: Value) -> Value:
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        raise _Misfit(f"{_type(value)} cannot be converted to a dict")
    if value.startswith("{"):
        try:
            parsed: Value = json.loads(value)
        except ValueError:
            raise _Misfit("unable to evaluate string as dictionary") from None
        return parsed
    if "=" not in value:
        raise _Misfit("dictionary requested, could not parse JSON or key=value")
    pairs = (word.partition("=") for _, word in split_words(value.replace(",", " ")))
    return {name: unquote(text) for name, _, text in pairs}


def _to_json(value: Value) -> Value:
    if isinstance(value, str | Mapping | list | tuple):
        return value
    raise _Misfit(f"{_type(value)} cannot be converted to a json string")


def _to_size(unit: str) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        found = _SIZE.match(str(value))
        units = {"", *"BKMGTPEZY"} | {f"{prefix}{unit[0]}" for prefix in "KMGTPEZY"}
        given = found[2] if found else ""
        is_known = given.upper() in {one.upper() for one in units}
        is_unit = len(given) < 2 or given[1] == unit[0]
        if found is None or not is_known or not is_unit:
            raise _Misfit(f"{_type(value)} cannot be converted to a {unit[1:]} value")
        return value

    return convert


_CONVERSIONS: Final[Mapping[str, Callable[[Value], Value]]] = {
    "str": lambda value: value if isinstance(value, str) else str(value),
    "bool": _to_bool, "int": _to_int, "float": _to_float, "list": _to_list, "dict": _to_dict,
    "path": str, "raw": _as_is, "json": _to_json, "jsonarg": _to_json,
    "bytes": _to_size("BByte"), "bits": _to_size("bBit"),
}
#: Types that an option may have.
TYPES: Final = tuple(_CONVERSIONS)
