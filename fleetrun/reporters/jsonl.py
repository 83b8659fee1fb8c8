"""``--output json``: one JSON object per line on stdout, a stable interface.

The first line is ``{"type":"version","format":1,"fleetrun":"…"}``. Every other
line is an event: ``type``, ``seq`` (from 1, without gaps), ``at`` and all its
fields, by the names of `model.events`. Fields and types are only ever added
within a format. The text is plain ASCII; every escape is valid JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any, Final

from fleetrun.model.events import AnyEvent
from fleetrun.model.redact import censor
from fleetrun.reporters.sink import Out, room_in

FORMAT: Final = 1


class _NotValid(Exception):  # noqa: N818 - a jump inside this file, never an error
    """The value holds text that no JSON parser must accept."""


def event_line(event: AnyEvent, seq: int) -> str:
    """Returns one event as a line of JSON, without the newline.

    What no_log hides is hidden; undecodable bytes are written as ``\\xff``,
    numbers that JSON lacks (NaN, infinity) as null.
    """
    event = censor(event)
    plain: dict[str, object] = {"type": event.type, "seq": seq}
    plain |= {field.name: getattr(event, field.name) for field in fields(event)}
    try:
        text = _ENCODER.encode(plain)
    except (_NotValid, ValueError):
        return _ENCODER.encode(_valid(plain))
    # Only a lone surrogate is written as \ud8xx-\udfxx without its other half,
    # and the cheap test also finds harmless pairs, which cost a second pass.
    return _ENCODER.encode(_valid(plain)) if "\\ud" in text else text


class JsonlReporter:
    """Writes every event to a stream as JSON lines."""

    def __init__(self, *, stdout: Out, version: str) -> None:
        self._stdout = stdout
        self._seq = 0
        first = {"type": "version", "format": FORMAT, "fleetrun": version}
        stdout.write(_ENCODER.encode(first) + "\n")

    async def handle(self, event: AnyEvent) -> None:
        """Writes one event; raises OSError when the output is gone."""
        self._seq += 1
        self._stdout.write(event_line(event, self._seq) + "\n")
        await room_in(self._stdout)

    async def close(self) -> None:
        """Flushes the stream."""
        self._stdout.flush()


def _plain(value: Any) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        raise _NotValid
    if isinstance(value, (Sequence, AbstractSet)):
        return list(value)
    return str(value)


def _valid(value: Any) -> object:
    if isinstance(value, (str, bytes, bytearray)):
        return _valid_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return None if isinstance(value, float) and not isfinite(value) else value
    if isinstance(value, Mapping):
        return {str(_valid(key)): _valid(item) for key, item in value.items()}
    if isinstance(value, (Sequence, AbstractSet)):
        return [_valid(item) for item in value]
    return _valid(_plain(value))


def _valid_text(text: str | bytes | bytearray) -> str:
    return _to_bytes(text).decode("utf-8", "backslashreplace")


def _to_bytes(text: str | bytes | bytearray) -> bytes:
    if not isinstance(text, str):
        return bytes(text)
    try:
        # A surrogate may stand for a byte (PEP 383): then it is shown as one.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


_ENCODER: Final = json.JSONEncoder(
    default=_plain, separators=(",", ":"), check_circular=False, allow_nan=False
)
