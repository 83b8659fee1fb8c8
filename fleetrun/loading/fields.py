"""Values of a YAML file together with their place, and the checks they share.

Nothing here raises: what is wrong goes to the list of problems, and a harmless
value comes back, so that one run of the loader finds everything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from fleetrun.errors import Mark, Problem
from fleetrun.loading.schema import KEYWORDS, Level, supported_names
from fleetrun.loading.yamlfile import YamlDocument
from fleetrun.model.values import TemplateText, Value, Vars

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PERCENT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*%\s*\Z")
_NUMBER = re.compile(r"\s*[-+]?\d{1,18}(?:\.\d{1,18})?\s*\Z")
_TRUE_WORDS = frozenset({"yes", "on", "true", "1", "y", "t"})
_FALSE_WORDS = frozenset({"no", "off", "false", "0", "n", "f"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value of a file, where it stands, and where to complain about it."""

    document: YamlDocument
    pointer: tuple[str | int, ...] = ()
    value: object
    problems: list[Problem]

    @property
    def mark(self) -> Mark:
        """Position of the value."""
        return self.document.mark(self.pointer)

    @property
    def key_mark(self) -> Mark:
        """Position of the key."""
        return self.document.key_mark(self.pointer)

    @property
    def key(self) -> str:
        """The last key on the way to this value, for messages."""
        names = [part for part in self.pointer if isinstance(part, str)]
        return names[-1] if names else "the file"

    def child(self, key: str | int) -> Field:
        """The value under `key`; the key must exist."""
        value = self.value[key]  # type: ignore[index]  # callers know the kind of value
        return Field(
            document=self.document, pointer=(*self.pointer, key), value=value,
            problems=self.problems,
        )

    def children(self) -> list[Field]:
        """Elements of a list, or values of a mapping, in file order."""
        if isinstance(self.value, dict):
            return [self.child(key) for key in self.value]
        if isinstance(self.value, list):
            return [self.child(index) for index in range(len(self.value))]
        return []

    def complain(
        self, kind: str, message: str, *, label: str = "", hint: str = "",
        allowed: Sequence[str] = (), mark: Mark | None = None,
    ) -> None:
        """Notes a problem at this value, or at `mark`."""
        self.problems.append(Problem(
            kind=kind, message=message, mark=mark or self.mark, label=label, hint=hint,
            allowed=tuple(allowed),
        ))


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that was probably meant, or ""."""
    return next(iter(get_close_matches(name, sorted(names), n=1, cutoff=cutoff)), "")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A label such as "did you mean `retries`?", or ""."""
    near = nearest(name, names)
    return f"did you mean `{near}`?" if near else ""


def type_name(value: object) -> str:
    """What a value is called in messages."""
    if isinstance(value, bool):
        return "yes/no"
    for kind, name in ((int, "a number"), (float, "a number"), (str, "text"), (list, "a list"),
                       (dict, "a mapping")):
        if isinstance(value, kind):
            return name
    return "nothing" if value is None else "binary data"


def keywords(field: Field, level: Level, what: str) -> dict[str, Field]:
    """The keywords of a mapping that have a value; complains about all others."""
    found: dict[str, Field] = {}
    if not isinstance(field.value, dict):
        field.complain(
            "input/type", f"{what} must be a mapping, not {type_name(field.value)}",
            label="a mapping is expected here", allowed=supported_names(level),
        )
        return found
    for child in field.children():
        if is_keyword(child, level, what) and child.value is not None:
            found[str(child.pointer[-1])] = child
    return found


def is_keyword(child: Field, level: Level, what: str) -> bool:
    """True when a keyword is supported at its level; complains if it is not."""
    name = child.pointer[-1]
    table = KEYWORDS[level]
    keyword = table.get(name) if isinstance(name, str) else None
    if keyword is None:
        allowed = supported_names(level)
        child.complain(
            "input/unknown-keyword", f"unknown keyword `{name}` in {what}", mark=child.key_mark,
            label=did_you_mean(str(name), table), allowed=allowed,
        )
        return False
    if not keyword.is_supported:
        child.complain(
            "input/unsupported-keyword", f"`{name}` is not supported yet in {what}",
            mark=child.key_mark, hint=keyword.instead,
        )
        return False
    return True


def read_text(field: Field, *, is_static: bool = False) -> str:
    """Text; "" when it is not. Numbers pass only if they print as they are written."""
    value = field.value
    if isinstance(value, str):
        if is_static and isinstance(value, TemplateText):
            _complain_template(field)
            return ""
        return value
    if isinstance(value, int | float) and not is_unfaithful(field):
        return str(value)
    if isinstance(value, bool | int | float):
        complain_unquoted(field, f"`{field.key}` needs text, not {type_name(value)}")
    else:
        field.complain("input/type", f"`{field.key}` needs text, not {type_name(value)}")
    return ""


def is_unfaithful(field: Field) -> bool:
    """True when YAML turned a word into a value that prints otherwise (NO, 1.10, 0644)."""
    return (
        isinstance(field.value, bool | int | float)
        and str(field.value) != field.document.source(field.pointer)
    )


def complain_unquoted(field: Field, message: str) -> None:
    """Notes that YAML read something else than the text that was meant."""
    source = field.document.source(field.pointer)
    read_as = {True: "yes", False: "no"}.get(field.value, field.value)  # type: ignore[call-overload]  # other keys fall through
    field.complain(
        "input/quote-value", message, label=f'quote this value: "{source}"',
        hint=f"YAML reads {source} as {type_name(field.value)} ({read_as})",
    )


def _complain_template(field: Field) -> None:
    field.complain(
        "input/template-not-allowed", f"`{field.key}` cannot hold a template here",
        label="known only when the playbook runs", hint="write the value itself",
    )


def read_variable_name(field: Field) -> str:
    """A name that a variable may have; "" when it is not."""
    name = read_text(field, is_static=True)
    if name and not _VARIABLE.match(name):
        field.complain(
            "input/variable-name", f"`{name}` cannot be the name of a variable",
            hint="use letters, digits and underscores, and no digit in front",
        )
        return ""
    return name


def read_flag(field: Field) -> Value:
    """yes/no, or a template that gives it."""
    value = field.value
    if isinstance(value, bool | TemplateText):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE_WORDS or word in _FALSE_WORDS:
        return word in _TRUE_WORDS
    field.complain("input/type", f"`{field.key}` needs yes or no, not {type_name(value)}")
    return False


def read_static_flag(field: Field) -> bool:
    """yes/no where a template cannot be rendered."""
    if isinstance(field.value, TemplateText):
        _complain_template(field)
        return False
    return read_flag(field) is True


def read_number(field: Field, *, least: float | None = None) -> Value:
    """A number, or a template that gives one; None when it is neither."""
    value = field.value
    if isinstance(value, TemplateText):
        return value
    if isinstance(value, str) and _NUMBER.match(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        field.complain("input/type", f"`{field.key}` needs a number, not {type_name(value)}")
        return None
    if least is not None and value < least:
        field.complain("input/range", f"`{field.key}` must be at least {least:g}")
        return None
    return value


def read_count(field: Field, *, least: int = 1) -> int | None:
    """A whole number that is known now; None when it is not."""
    if isinstance(field.value, TemplateText):
        _complain_template(field)
        return None
    value = read_number(field, least=least)
    if isinstance(value, float):
        field.complain("input/type", f"`{field.key}` needs a whole number")
        return None
    return value if isinstance(value, int) else None


def read_percent(field: Field, *, is_sign_needed: bool = True) -> float | None:
    """A share from 0 to 100; None when it is not one."""
    value = field.value
    if isinstance(value, TemplateText):
        _complain_template(field)
        return None
    found = _PERCENT.match(value) if isinstance(value, str) else None
    number = float(found[1]) if found else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if number is None and is_number and not is_sign_needed:
        number = float(str(value))
    if number is None:
        example = f'"{value:g}%"' if isinstance(value, int | float) and is_number else '"5%"'
        field.complain(
            "input/type", f"`{field.key}` needs a share in percent, not {type_name(value)}",
            hint=f"write it as {example}",
        )
        return None
    if not 0 <= number <= 100:
        field.complain("input/range", f"`{field.key}` must be between 0% and 100%")
        return None
    return number


def read_names(field: Field, *, is_static: bool = False, comma: bool = False) -> tuple[str, ...]:
    """Text or a list of text; with `comma` each text may hold several."""
    fields = field.children() if isinstance(field.value, list) else [field]
    names = [read_text(one, is_static=is_static) for one in fields if one.value is not None]
    if comma:
        names = [part.strip() for name in names for part in name.split(",")]
    return tuple(name for name in names if name)


def read_word(field: Field, allowed: Sequence[str]) -> str:
    """One of `allowed`; "" when it is not."""
    word = read_text(field, is_static=True)
    if word and word not in allowed:
        field.complain(
            "input/unknown-value", f"unknown value `{word}` for `{field.key}`",
            label=did_you_mean(word, allowed), allowed=allowed,
        )
        return ""
    return word


def read_vars(field: Field) -> Vars:
    """A mapping of variables; names that cannot be used are complained about."""
    if not isinstance(field.value, dict):
        if field.value is not None:
            field.complain(
                "input/type", f"`{field.key}` must be a mapping, not {type_name(field.value)}",
                hint="write each variable as NAME: VALUE",
            )
        return {}
    for child in field.children():
        name = child.pointer[-1]
        if not isinstance(name, str) or not _VARIABLE.match(name):
            child.complain(
                "input/variable-name", f"`{name}` cannot be the name of a variable",
                mark=child.key_mark,
                hint="use letters, digits and underscores, and no digit in front",
            )
    return field.value
