"""Keeping secrets out of events before any sink sees them. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import groupby
from posixpath import commonprefix
from typing import Final, TypeVar
from urllib.parse import quote

from fleetrun.model.events import StepAnswered, TaskFinished
from fleetrun.model.result import TaskResult
from fleetrun.model.values import Value

MASK: Final = "********"

#: Ansible's own words, which people know.
CENSORED: Final[Mapping[str, Value]] = {
    "censored": "the output has been hidden due to the fact that 'no_log: true' "
    "was specified for this result"
}

#: Names that the run is put together from again at `resume`. They come from the
#: inventory and the playbook's structure, never from a device; masking them
#: would lose devices (a Raspberry named after the vendor's default password).
IDENTIFIERS: Final = frozenset({
    "run", "device", "devices", "key", "keys", "task", "module", "outcome", "outcomes",
    "counts", "status", "error_kind", "cause", "level", "boot_id", "version",
})

#: Shorter texts of a vault are too common to be taken out wherever they stand.
MIN_SECRET_CHARS: Final = 3

#: Shorter lines of a secret of many lines (a key's "-----" or "}") are no secret.
MIN_LINE_CHARS: Final = 8

#: Groups inside groups that a pattern may have.
_MAX_DEPTH: Final = 40

E = TypeVar("E")


def censor(event: E) -> E:
    """Returns the event without its values when it is flagged ``no_log``.

    Status, error kind and time stay; the same object when nothing is flagged.
    """
    if isinstance(event, (StepAnswered, TaskFinished)) and event.no_log:
        old = event.result
        # An answer is fed to the program again at `resume`: it must know that all is hidden.
        has_changed = isinstance(event, TaskFinished) and "changed" in old.values
        shown = {"changed": old.values["changed"] is True} if has_changed else {}
        result = TaskResult(
            status=old.status, values={**CENSORED, **shown}, error_kind=old.error_kind,
            ignored=old.ignored, elapsed_s=old.elapsed_s,
        )
        return replace(event, result=result)
    return event


class SecretBook:
    """Secrets that become known while a run goes on, in the order found."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Notes a secret; one shorter than `MIN_SECRET_CHARS` does not count."""
        text = text.strip()
        if len(text) >= MIN_SECRET_CHARS:
            self._texts[str(text)] = None

    def hides(self, text: str) -> bool:
        """True when `text` holds one of the secrets."""
        return any(secret in text for secret in self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)


class Redactor:
    """Replaces known secrets wherever they appear in an event.

    Also finds a secret as JSON, a URL or a shell quotes it, in base64, and the single lines of a
    secret of many lines (``stdout_lines`` splits them). What is added to `book`
    later is hidden from then on.
    """

    def __init__(self, secrets: Iterable[str], book: SecretBook | None = None) -> None:
        self._secrets = tuple(secrets)
        self._book = SecretBook() if book is None else book
        self._learn()

    def _learn(self) -> None:
        self._known_count = len(self._book)
        secrets = (*self._secrets, *self._book)
        self._numbers = frozenset(text for text in secrets if text.lstrip("-").isdecimal())
        spellings = {form for secret in secrets for form in _spellings(secret)}
        self._text = re.compile(_tree(sorted(spellings), 0)) if spellings else None
        # Latin-1 has a letter for each byte.
        octets = sorted(_to_bytes(form).decode("latin-1") for form in spellings)
        self._bytes = re.compile(_tree(octets, 0).encode("latin-1")) if octets else None

    def clean(self, event: E) -> E:
        """Returns the event without secrets; the same object when it has none.

        Identifiers (`IDENTIFIERS`) stay as they are.
        """
        if len(self._book) != self._known_count:
            self._learn()
        if self._text is None:
            return event
        changes = {}
        for name in _text_fields(type(event)):
            old = getattr(event, name)
            # Numbers of the event itself are fleetrun's own: counts, exit codes, times.
            new = old if isinstance(old, int) else self._value(old)
            if new is not old:
                changes[name] = new
        if not changes:
            return event
        return replace(event, **changes)  # type: ignore[type-var]  # events are dataclasses

    def text(self, text: str) -> str:
        """Returns one string without secrets (for log lines and errors)."""
        if len(self._book) != self._known_count:
            self._learn()
        return text if self._text is None else self._text.sub(MASK, text)

    def _value(self, old: object) -> object:
        if isinstance(old, str):
            return self._text.sub(MASK, old) if self._text and self._text.search(old) else old
        if isinstance(old, Mapping):
            return self._mapping(old)
        if isinstance(old, (bytes, bytearray)):
            return self._bytes.sub(MASK.encode(), old) if self._bytes else old
        if isinstance(old, Sequence):
            return self._sequence(old)
        if isinstance(old, int) and self._numbers and str(old) in self._numbers:
            return MASK
        return self.clean(old) if is_dataclass(old) else old

    def _sequence(self, old: Sequence[object]) -> object:
        new = [self._value(item) for item in old]
        if all(a is b for a, b in zip(new, old, strict=True)):
            return old
        return tuple(new) if isinstance(old, tuple) else new

    def _mapping(self, old: Mapping[object, object]) -> object:
        new = {self._value(key): self._value(value) for key, value in old.items()}
        is_same = len(new) == len(old) and all(
            a is b and new[a] is old[b] for a, b in zip(new, old, strict=True)
        )
        return old if is_same else new


_FIELDS: dict[type, tuple[str, ...]] = {}


def _text_fields(cls: type) -> tuple[str, ...]:
    names = _FIELDS.get(cls)
    if names is None:
        found = (field.name for field in fields(cls))
        names = tuple(name for name in found if name not in IDENTIFIERS)
        _FIELDS[cls] = names
    return names


def _tree(forms: Sequence[str], depth: int) -> str:
    """A pattern of sorted, different texts that share their beginnings.

    The longest that fits is found: a secret that contains another one goes as a
    whole. A list of 5,000 alternatives would be tried one by one at each letter.
    """
    if depth > _MAX_DEPTH:
        return "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    parts = []
    for _, group in groupby(forms, key=lambda form: form[:1]):
        members = list(group)
        start = commonprefix([members[0], members[-1]])
        rests = [form[len(start):] for form in members if len(form) > len(start)]
        below = f"(?:{_tree(rests, depth + 1)})" if rests else ""
        is_end = members[0] == start
        parts.append(re.escape(start) + below + ("?" if below and is_end else ""))
    return "|".join(parts)


def _spellings(secret: str) -> set[str]:
    parts = {secret}
    lines = secret.splitlines()
    if len(lines) > 1:
        parts |= {line for line in map(str.strip, lines) if len(line) >= MIN_LINE_CHARS}
    forms = set(parts)
    for part in parts:
        forms.add(json.dumps(part)[1:-1])
        forms.add(json.dumps(part, ensure_ascii=False)[1:-1])
        forms.add(quote(part, safe=""))
        forms.add(part.replace("'", "'\"'\"'"))
        forms.add(part.replace("'", "'\\''"))
    if len(secret) > MIN_SECRET_CHARS:
        # As the filter b64encode and the module slurp give it.
        forms.add(base64.b64encode(_to_bytes(secret)).decode().rstrip("="))
    return {form for form in forms if form.strip()}


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
