"""The audit log: one JSON object per line, each with the hash of the one before.

A line that is changed, removed or put in between breaks the chain. What no chain
can show is that its end is missing: keep the head (`audit verify` prints it, and
the metrics do) somewhere else, and give it back with `--head`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fleetrun.errors import PreflightError

GENESIS = "0" * 64
#: How much of the file's end is read for its last line; lines are far shorter.
_TAIL_BYTES = 64 * 1024


class AuditLog:
    """Appends to one file, which no other process may have open."""

    def __init__(self, path: Path | None) -> None:
        """Opens `path`, or keeps only the head when it is None.

        Raises PreflightError when it cannot be written.
        """
        self.head = GENESIS
        self.count = 0
        self._file: BinaryIO | None = None
        if path is not None:
            self._open(path)

    def write(self, event: str, **fields: str | int | float) -> None:
        """Appends one event; its place in the chain and the time are added."""
        if self._file is None:
            return
        line = _line({"at": round(time.time(), 3), "event": event, **fields, "prev": self.head})
        self._file.write(line + b"\n")
        self._file.flush()
        self.head = hashlib.sha256(line).hexdigest()
        self.count += 1

    def sync(self) -> None:
        """Waits until the disk has it; call it off the event loop."""
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Syncs and closes; safe to call twice."""
        if self._file is not None:
            self.sync()
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise PreflightError(
                f"cannot write the audit log {path}: {error.strerror}", kind="bastion/audit",
                hint="make its folder writable for the bastion's user, or name another `audit`",
            ) from error
        self._file = os.fdopen(handle, "ab+", buffering=8192)
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - _TAIL_BYTES))
        tail = self._file.read()
        whole, _, torn = tail.rpartition(b"\n")
        last = whole.rpartition(b"\n")[2]
        self.head = hashlib.sha256(last).hexdigest() if last else GENESIS
        if torn:
            # A crash in the middle of a line: it never was part of the chain.
            self._file.truncate(size - len(torn))
            self.write("audit-recovered", dropped_bytes=len(torn))


def _line(event: dict[str, str | int | float]) -> bytes:
    return json.dumps(event, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `verify` found."""

    count: int
    #: Hash of the last good line.
    head: str
    #: "LINE: what is wrong" of the first break, "" when the chain holds.
    problem: str = ""


def verify(path: Path, head: str = "") -> Verdict:
    """Checks every link of the chain, and that it holds `head` when one is given.

    Raises OSError when the file cannot be read.
    """
    previous, count, seen = GENESIS, 0, not head or head == GENESIS
    for count, line in enumerate(_lines(path), start=1):
        problem = _wrong(line, previous)
        if problem:
            return Verdict(count=count - 1, head=previous, problem=f"line {count}: {problem}")
        previous = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
        seen = seen or previous == head
    problem = "" if seen else "the head that was given is not in the chain: its end was cut off"
    return Verdict(count=count, head=previous, problem=problem)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _wrong(line: bytes, previous: str) -> str:
    try:
        event = json.loads(line)
    except ValueError:
        return "is not JSON"
    if not line.endswith(b"\n"):
        return "has no end"
    if not isinstance(event, dict) or event.get("prev") != previous:
        return "does not follow the line before it"
    return ""
