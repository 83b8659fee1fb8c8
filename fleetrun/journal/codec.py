"""Events and invocations as JSON text and back, exactly.

Plain values take the fast way, straight through the C encoder. What JSON has no
word for is written as an object with one ``$`` key, by the slow way, which also
doubles the ``$`` of every key that begins with one: so a device that answers
``{"$bytes": …}`` gets its own object back and never a value of another type.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeVar

from fleetrun.errors import JournalError, Mark
from fleetrun.model.events import EVENT_TYPES, AnyEvent, StepAnswered, TaskFinished
from fleetrun.model.redact import MASK, censor
from fleetrun.model.result import Outcome, Recap, TaskResult, TaskStatus
from fleetrun.model.run import Invocation
from fleetrun.model.values import Expression, SecretText, TemplateText

#: Marks text that was written by the slow way.
EXACT: Final = "$exact"

T = TypeVar("T")


class _NeedsSlowWay(Exception):  # noqa: N818 - a jump inside this file, never an error
    """The value holds something that JSON has no word for."""


def encode_event(event: AnyEvent) -> str:
    """Returns an event as one line of ASCII JSON, without what no_log hides.

    Raises JournalError (``journal/encode``) for a value that is no `Value`.
    """
    if isinstance(event, (StepAnswered, TaskFinished)) and event.no_log:
        event = censor(event)
    plain = _record(event)
    plain["type"] = event.type
    try:
        return _FAST.encode(plain)
    except _NeedsSlowWay:
        return _encode_slow(plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise _unwritable(event.type, error) from error


def decode_event(text: str) -> AnyEvent:
    """Returns the event that `encode_event` wrote; unknown fields are ignored.

    Raises JournalError (``journal/unknown-event``, ``journal/corrupt``).
    """
    plain = _load(text)
    name = str(plain.get("type"))
    cls = EVENT_TYPES.get(name)
    if cls is None:
        raise JournalError(
            f"the journal holds an event of the unknown type `{name}`",
            kind="journal/unknown-event",
            hint="a newer fleetrun wrote it; use that version",
        )
    return _build(cls, plain)  # type: ignore[return-value]  # EVENT_TYPES is AnyEvent


def encode_invocation(invocation: Invocation) -> str:
    """Returns an invocation as JSON; templates stay templates, secrets go.

    Secrets are asked for again at `resume`; here they are written masked.
    """
    return _encode_slow(_record(invocation))


def decode_invocation(text: str) -> Invocation:
    """Returns the invocation that `encode_invocation` wrote."""
    return _build(Invocation, _load(text))


def _plain(value: object) -> object:
    """Called by the encoder for what it does not know."""
    if isinstance(value, (TaskResult, Recap)):
        return _record(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        raise _NeedsSlowWay
    if isinstance(value, (Sequence, AbstractSet)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no value of the language")


_FAST = json.JSONEncoder(default=_plain, separators=(",", ":"), check_circular=False)


#: Class -> names of its fields and what reads them all at once.
_SHAPES: Final[dict[type, tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]]] = {
    cls: (names, attrgetter(*names))
    for cls, names in (
        (cls, tuple(field.name for field in fields(cls)))
        for cls in (*EVENT_TYPES.values(), TaskResult, Recap, Invocation)
    )
}


def _record(value: object) -> dict[str, object]:
    names, read = _SHAPES[type(value)]
    return dict(zip(names, read(value), strict=True))


def _encode_slow(plain: Mapping[str, object]) -> str:
    try:
        exact = {name: _exact(value) for name, value in plain.items()}
        return _FAST.encode(exact | {EXACT: 1})
    except (TypeError, ValueError, RecursionError) as error:
        raise _unwritable(str(plain.get("type", "invocation")), error) from error


def _exact(value: object) -> object:
    if isinstance(value, str):
        return _exact_text(value)
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, (TaskResult, Recap)):
        return _exact(_record(value))
    if isinstance(value, Mapping):
        return {
            f"${key}" if isinstance(key, str) and key.startswith("$") else key: _exact(item)
            for key, item in value.items()
        }
    if isinstance(value, (Sequence, AbstractSet)):
        return [_exact(item) for item in value]
    return value


def _exact_text(text: str) -> object:
    if isinstance(text, SecretText):
        return MASK
    if isinstance(text, (TemplateText, Expression)):
        mark = text.mark
        place = [mark.file, mark.line, mark.column, mark.length] if mark else None
        kind = "$template" if isinstance(text, TemplateText) else "$expression"
        return {kind: [str(text), place]}
    return text


def _load(text: str) -> dict[str, object]:
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise JournalError(
            f"the journal holds text that is no event: {error}",
            kind="journal/corrupt",
            hint="restore the state folder from a backup",
        ) from error
    if plain.pop(EXACT, None):
        return {name: _inexact(value) for name, value in plain.items()}
    return dict(plain)


def _inexact(value: object) -> object:
    if isinstance(value, list):
        return [_inexact(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == "$bytes":
            return base64.b64decode(item)
        if key in {"$template", "$expression"}:
            return _program_text(key, *item)
    return {
        key[1:] if key.startswith("$$") else key: _inexact(item) for key, item in value.items()
    }


def _program_text(kind: str, text: str, place: Sequence[object] | None) -> object:
    mark = None
    if place is not None:
        file, line, column, length = place
        mark = Mark(
            file=str(file), line=int(str(line)), column=int(str(column)), length=int(str(length))
        )
    return TemplateText(text, mark) if kind == "$template" else Expression(text, mark)


def _build(cls: type[T], plain: Mapping[str, object]) -> T:
    shape: Any = cls
    converters = _converters(shape)
    try:
        return cls(**{
            name: converters[name](value) for name, value in plain.items() if name in converters
        })
    except (TypeError, ValueError, KeyError) as error:
        raise JournalError(
            f"the journal holds a {cls.__name__} that cannot be read: {error}",
            kind="journal/corrupt",
            hint="restore the state folder from a backup",
        ) from error


@cache
def _converters(cls: Any) -> Mapping[str, Callable[[object], object]]:
    return {field.name: _CONVERTERS.get(str(field.type), _same) for field in fields(cls)}


def _same(value: object) -> object:
    return value


#: Annotation of a field -> what makes its value of JSON's.
_CONVERTERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "tuple[str, ...]": tuple, "tuple[int, ...]": tuple,
    "tuple[str, ...] | None": lambda plain: None if plain is None else tuple(plain),
    "Outcome": Outcome,
    "TaskStatus": TaskStatus,
    "Mapping[str, Outcome]": lambda plain: {name: Outcome(it) for name, it in plain.items()},
    "TaskResult": lambda plain: _build(TaskResult, plain),
    "Recap": lambda plain: _build(Recap, plain),
}


def _unwritable(name: str, error: Exception) -> JournalError:
    return JournalError(
        f"an event of type {name} cannot be written to the journal: {error}",
        kind="journal/encode",
        hint="this is a bug in fleetrun; report it with the task's module",
    )
