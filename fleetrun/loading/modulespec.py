"""Reads a module's ``<name>.yml`` into a ModuleSpec; every mistake is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar, cast

from fleetrun.errors import InputError, Problem
from fleetrun.loading.yamlfile import YamlDocument, read_yaml
from fleetrun.model.module import ArgSpec, ArgType, CheckMode, ModuleKind, ModuleSpec
from fleetrun.model.values import Value

Pointer = tuple[str | int, ...]
_E = TypeVar("_E", bound=StrEnum)


class _Reader:
    """Takes values out of a document, noting what does not fit."""

    def __init__(self, document: YamlDocument) -> None:
        self.problems: list[Problem] = []
        self._document = document

    def problem(self, pointer: Pointer, message: str, *, near: str = "") -> None:
        label = f"did you mean `{near}`?" if near else ""
        self.problems.append(Problem(
            kind="input/module-spec", message=message, mark=self._document.mark(pointer),
            label=label, hint="docs/howto/write-a-module.md says what a spec holds",
        ))

    def mapping(
        self, value: object, pointer: Pointer, keys: Sequence[str] = ()
    ) -> dict[str, object]:
        """`value` as a mapping (null is empty) that has none but `keys`, if any are given."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.problem(pointer, f"{_name(pointer)} must be a mapping")
            return {}
        for key in value:
            if keys and key not in keys:
                near = get_close_matches(str(key), keys, n=1)
                self.problem((*pointer, key), f"unknown key `{key}`", near="".join(near))
        return {str(key): item for key, item in value.items()}

    def text(self, value: object, pointer: Pointer) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(pointer, f"{_name(pointer)} must be text")
        return str(value)

    def flag(self, value: object, pointer: Pointer, default: bool) -> bool:
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(pointer, f"{_name(pointer)} must be true or false")
        return bool(value)

    def choice(self, value: object, pointer: Pointer, default: _E) -> _E:
        if value is None:
            return default
        known = {str(member): member for member in type(default)}
        if value not in known:
            near = get_close_matches(str(value), list(known), n=1)
            self.problem(
                pointer, f"{_name(pointer)} must be one of {', '.join(known)}", near="".join(near)
            )
        return known.get(str(value), default)

    def texts(self, value: object, pointer: Pointer) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.problem(pointer, f"{_name(pointer)} must be a list")
            return ()
        return tuple(self.text(item, (*pointer, index)) for index, item in enumerate(value))

    def groups(self, value: object, pointer: Pointer) -> tuple[tuple[str, ...], ...]:
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.problem(pointer, f"{_name(pointer)} must be a list of lists")
            return ()
        return tuple(self.texts(item, (*pointer, index)) for index, item in enumerate(value))


def _name(pointer: Pointer) -> str:
    return f"`{'.'.join(str(part) for part in pointer)}`" if pointer else "a module's spec"


_KEYS: Final = (
    "name", "summary", "kind", "program", "shares", "awk", "free_form", "idempotent", "long",
    "check_mode", "diff", "needs", "args", "exclusive", "one_of", "returns", "examples", "notes",
)
_ARG_KEYS: Final = (
    "type", "required", "default", "choices", "aliases", "elements", "secret", "description",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Which files a module's program is made of."""

    #: Name of the module whose .sh it runs; mostly its own.
    program: str
    #: Names of .sh files of the same folder that come before it.
    shares: tuple[str, ...] = ()
    #: Names of the .awk files that make up ``$fr_awk``, in order.
    awk: tuple[str, ...] = ()


def parse_spec(path: Path, family: str) -> tuple[ModuleSpec, Sources]:
    """Returns the spec in `path`, and where its program is.

    Raises InputError with all problems found.
    """
    document = read_yaml(path, trusted=False)
    reader = _Reader(document)
    top = reader.mapping(document.value, (), _KEYS)
    name = reader.text(top.get("name"), ("name",))
    if name != path.stem:
        reader.problem(("name",), f"`name` must be {path.stem}, as the file is called")
    spec = ModuleSpec(
        name=name, family=family,
        summary=reader.text(top.get("summary"), ("summary",)),
        kind=reader.choice(top.get("kind"), ("kind",), ModuleKind.DEVICE),
        args=_args(reader, top.get("args")),
        free_form=reader.flag(top.get("free_form"), ("free_form",), default=False),
        idempotent=reader.flag(top.get("idempotent"), ("idempotent",), default=True),
        long=reader.flag(top.get("long"), ("long",), default=False),
        check_mode=reader.choice(top.get("check_mode"), ("check_mode",), CheckMode.FULL),
        diff=reader.flag(top.get("diff"), ("diff",), default=False),
        needs=reader.texts(top.get("needs"), ("needs",)),
        exclusive=reader.groups(top.get("exclusive"), ("exclusive",)),
        one_of=reader.groups(top.get("one_of"), ("one_of",)),
        returns=_returns(reader, top.get("returns")),
        examples=reader.text(top.get("examples"), ("examples",)),
        notes=reader.texts(top.get("notes"), ("notes",)),
    )
    _check_groups(reader, spec)
    sources = Sources(
        program=reader.text(top.get("program"), ("program",)) or path.stem,
        shares=reader.texts(top.get("shares"), ("shares",)),
        awk=reader.texts(top.get("awk"), ("awk",)),
    )
    if reader.problems:
        raise InputError(reader.problems)
    return spec, sources


def _args(reader: _Reader, value: object) -> Mapping[str, ArgSpec]:
    return {
        name: _arg(reader, name, item) for name, item in reader.mapping(value, ("args",)).items()
    }


def _arg(reader: _Reader, name: str, value: object) -> ArgSpec:
    here: Pointer = ("args", name)
    fields = reader.mapping(value, here, _ARG_KEYS)
    choices = fields.get("choices")
    if not (choices is None or (isinstance(choices, Sequence) and not isinstance(choices, str))):
        reader.problem((*here, "choices"), "`choices` must be a list")
        choices = None
    return ArgSpec(
        name=name,
        type=reader.choice(fields.get("type"), (*here, "type"), ArgType.STR),
        required=reader.flag(fields.get("required"), (*here, "required"), default=False),
        # YAML gives nothing but values.
        default=cast("Value", fields.get("default")),
        choices=tuple(cast("Sequence[Value]", choices or ())),
        aliases=reader.texts(fields.get("aliases"), (*here, "aliases")),
        elements=reader.choice(fields.get("elements"), (*here, "elements"), ArgType.STR),
        secret=reader.flag(fields.get("secret"), (*here, "secret"), default=False),
        description=reader.text(fields.get("description"), (*here, "description")),
    )


def _returns(reader: _Reader, value: object) -> Mapping[str, str]:
    return {
        key: reader.text(item, ("returns", key))
        for key, item in reader.mapping(value, ("returns",)).items()
    }


def _check_groups(reader: _Reader, spec: ModuleSpec) -> None:
    """Every name in `exclusive` and `one_of` must be an argument."""
    for key, groups in (("exclusive", spec.exclusive), ("one_of", spec.one_of)):
        for index, group in enumerate(groups):
            for name in group:
                if name not in spec.args:
                    reader.problem((key, index), f"`{key}` names `{name}`, which is no argument")
