"""Output of a step in bounded memory: head, tail, length and hash. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

from fleetrun.model.steps import Captured

__all__ = ["HEAD_BYTES", "TAIL_BYTES", "Capture"]

HEAD_BYTES: Final = 512 * 1024
TAIL_BYTES: Final = 512 * 1024
_WHOLE_BYTES: Final = HEAD_BYTES + TAIL_BYTES


class Capture:
    """Takes any amount of bytes; keeps all up to 1 MiB, else head and tail."""

    __slots__ = ("_digest", "_head", "_is_cut", "_length", "_tail")

    def __init__(self) -> None:
        self._length = 0
        self._head = bytearray()
        self._tail = bytearray()
        self._digest: hashlib._Hash | None = None
        self._is_cut = False

    def add(self, content: bytes | bytearray) -> None:
        """Appends `content`."""
        if not content:
            return
        self._length += len(content)
        if self._is_cut:
            self._add_tail(content)
        elif self._digest is not None:
            self._digest.update(content)
            self._add_tail(content)
        elif self._length <= _WHOLE_BYTES:
            self._head += content
        else:
            self._head += content
            self._digest = hashlib.sha256(self._head)
            self._add_tail(self._head[HEAD_BYTES:])
            del self._head[HEAD_BYTES:]

    def cut(self) -> None:
        """What comes now is the tail: the sender has left out the middle."""
        self._is_cut = True

    def captured(self, *, length: int | None = None, sha256: str = "") -> Captured:
        """Returns what was kept; `length` and `sha256` are the sender's, if it cut."""
        total = self._length if length is None else length
        if self._digest is None and not self._is_cut:
            return Captured(content=bytes(self._head), length=self._length)
        if self._digest is not None:
            sha256 = self._digest.hexdigest()
        tail = self._tail[-TAIL_BYTES:]
        left_out = max(0, total - len(self._head) - len(tail))
        return Captured(
            content=bytes(self._head + b"\n[%d bytes left out]\n" % left_out + tail),
            length=total, truncated=True, sha256=sha256,
        )

    def _add_tail(self, content: bytes | bytearray) -> None:
        self._tail += content
        # Trimmed now and then, not on every call.
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]
