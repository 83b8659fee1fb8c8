"""Reads what a device's shell answers: control lines among arbitrary bytes. Pure.

A control line is newline + nonce + space + a letter + words + newline (the
letters are listed in modules/lib/30-session.sh). Everything between control
lines is output of the step that runs. Only our shell knows the nonce, so any
other text, however it looks, is output. Nothing here raises for what a device
sends, and memory stays bounded whatever it sends.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, cast

from fleetrun.model.steps import Captured, Reply, ReplyKind
from fleetrun.model.values import Value
from fleetrun.remote.capture import Capture

__all__ = ["Frame", "FrameKind", "FrameParser", "to_replies", "to_reply"]

#: A result larger than this is no result.
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
#: Words of a control line stand well within this.
_HEAD_BYTES: Final = 1024

_SIGNALS: Final[Mapping[int, str]] = {
    1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL",
    10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 24: "XCPU",
    25: "XFSZ", 31: "SYS",
}
_KILLED: Final = "module/killed"
_BAD: Final = "module/bad-output"
#: The runtime's words for what it saw, and the kind that each one is.
_TROUBLES: Final = {"timeout": "module/timeout", "no-receipt": "module/no-receipt"}
#: Exit statuses by which the runtime says "a trap printed the frame".
_TRAPPED: Final = frozenset({96, 97})


class FrameKind(StrEnum):
    """What a control line says; the values are the letters on the wire."""

    READY = "r"
    #: A step ran in the shell itself.
    STEP = "e"
    #: A step ran detached, under a receipt.
    DETACHED = "d"
    NOT_RUN = "n"
    INTERRUPTED = "i"
    #: Asked for after a lost link: certainly never started.
    NEVER_STARTED = "v"
    #: Another shell of the run took over.
    GOODBYE = "g"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One answer of the shell."""

    kind: FrameKind
    #: Position of the step; -1 for READY and GOODBYE.
    seq: int = -1
    #: Status as the device's shell saw it, for STEP and DETACHED.
    status: int = 0
    #: DETACHED: timeout, worker, no-receipt or "".
    trouble: str = ""
    #: Where the result came from: "frame", "exec" (a command's own status) or "".
    how: str = ""
    #: The JSON object; None when there is none or it is no JSON object.
    values: Mapping[str, Value] | None = None
    stdout: Captured = field(default_factory=Captured)
    stderr: Captured = field(default_factory=Captured)


class FrameParser:
    """Turns the byte stream into frames; any split of the stream gives the same."""

    def __init__(self, nonce: str) -> None:
        self._marker = b"\n" + nonce.encode() + b" "
        self._buffer = bytearray()
        #: True while the bytes after a marker are awaited up to the newline.
        self._in_line = False
        #: Part of a control line that is too long to be kept.
        self._too_long = b""
        self._stdout = Capture()
        self._stderr = Capture()
        self._sink = self._stdout
        self._frame: tuple[int, Mapping[str, Value] | None] | None = None

    @property
    def stray(self) -> bytes:
        """Output since the last frame, for messages about a shell that never spoke."""
        return self._stdout.captured().content + bytes(self._buffer)

    def feed(self, content: bytes) -> list[Frame]:
        """Takes the next bytes; returns the frames that they complete."""
        self._buffer += content
        frames: list[Frame] = []
        while self._take_line(frames) if self._in_line else self._take_output():
            pass
        return frames

    def _take_output(self) -> bool:
        buffer, marker = self._buffer, self._marker
        at = buffer.find(marker)
        if at >= 0:
            self._sink.add(buffer[:at])
            del buffer[: at + len(marker)]
            self._in_line = True
            return True
        # Only a newline among the last bytes may be the start of a marker.
        begin = buffer.find(b"\n", max(0, len(buffer) - len(marker) + 1))
        while begin >= 0 and not marker.startswith(buffer[begin:]):
            begin = buffer.find(b"\n", begin + 1)
        keep = len(buffer) if begin < 0 else begin
        self._sink.add(buffer[:keep])
        del buffer[:keep]
        return False

    def _take_line(self, frames: list[Frame]) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\n")
        if end < 0:
            if len(buffer) > MAX_LINE_BYTES:
                self._too_long = self._too_long or bytes(buffer[:_HEAD_BYTES])
                buffer.clear()
            return False
        line = self._too_long or bytes(buffer[:end])
        is_whole = not self._too_long and end <= MAX_LINE_BYTES
        self._too_long = b""
        self._in_line = False
        del buffer[: end + 1]
        frame = self._read_line(line if is_whole else line[:_HEAD_BYTES])
        if frame is not None:
            frames.append(frame)
        return True

    def _read_line(self, line: bytes) -> Frame | None:
        letter, _, rest = line.partition(b" ")
        try:
            return self._readers[letter](self, rest)
        except (LookupError, ValueError):
            # Our nonce on a line that is not ours: a process in the background
            # wrote into the middle of one. It is kept as output.
            self._sink.add(self._marker + line + b"\n")
            return None

    def _read_ready(self, rest: bytes) -> Frame:
        return self._frame_of(FrameKind.READY, values=parse_object(rest))

    def _read_result(self, rest: bytes) -> None:
        status, _, text = rest.partition(b" ")
        self._frame = (int(status), parse_object(text))

    def _read_step(self, rest: bytes) -> Frame:
        seq, status = map(int, rest.split())
        result = self._frame
        if result is None or status not in _TRAPPED:
            return self._frame_of(FrameKind.STEP, seq=seq, status=status)
        return self._frame_of(
            FrameKind.STEP, seq=seq, status=result[0], how="frame", values=result[1]
        )

    def _read_detached(self, rest: bytes) -> Frame:
        words = rest.split(b" ", 8)
        seq, status = int(words[0]), int(words[1])
        stdout, stderr = (
            sink.captured(length=_count(words[at]), sha256=_word(words[at + 1]))
            for sink, at in ((self._stdout, 4), (self._stderr, 6))
        )
        return self._frame_of(
            FrameKind.DETACHED, seq=seq, status=status, trouble=_word(words[2]),
            how=_word(words[3]), values=parse_object(words[8]), stdout=stdout, stderr=stderr,
        )

    def _switch_output(self, _rest: bytes) -> None:
        self._stdout = self._sink = Capture()

    def _switch_errors(self, _rest: bytes) -> None:
        self._stderr = self._sink = Capture()

    def _cut(self, _rest: bytes) -> None:
        self._sink.cut()

    def _frame_of(self, kind: FrameKind, *, stdout: Captured | None = None, **fields: Any) -> Frame:
        """Makes a frame and begins anew for the next step."""
        frame = Frame(kind=kind, stdout=stdout or self._stdout.captured(), **fields)
        self._stdout = self._sink = Capture()
        self._stderr = Capture()
        self._frame = None
        return frame

    _readers: ClassVar[Mapping[bytes, Callable[[FrameParser, bytes], Frame | None]]] = {
        b"r": _read_ready, b"f": _read_result, b"e": _read_step, b"d": _read_detached,
        b"o": _switch_output, b"x": _switch_errors, b"t": _cut,
        b"n": lambda self, rest: self._frame_of(FrameKind.NOT_RUN, seq=int(rest)),
        b"i": lambda self, rest: self._frame_of(FrameKind.INTERRUPTED, seq=int(rest)),
        b"v": lambda self, rest: self._frame_of(FrameKind.NEVER_STARTED, seq=int(rest)),
        b"g": lambda self, _rest: self._frame_of(FrameKind.GOODBYE),
    }


def _word(word: bytes) -> str:
    return "" if word == b"-" else word.decode()


def _count(word: bytes) -> int | None:
    return None if word == b"-" else int(word)


def to_replies(frames: Iterable[Frame], *, elapsed_s: float = 0.0) -> list[Reply]:
    """Returns a reply for every frame that is about a step, in order."""
    return [to_reply(frame, elapsed_s=elapsed_s) for frame in frames if frame.seq >= 0]


def to_reply(frame: Frame, *, elapsed_s: float = 0.0) -> Reply:
    """Returns what a frame says of its step.

    JSON never overrides the status: `exit_status` and `error_kind` come from
    what the device's shell saw.
    """
    match frame.kind:
        case FrameKind.STEP | FrameKind.DETACHED:
            return _finished(frame, elapsed_s)
        case FrameKind.NOT_RUN | FrameKind.NEVER_STARTED:
            return Reply(seq=frame.seq, kind=ReplyKind.NOT_RUN)
        case _:
            return Reply(seq=frame.seq, kind=ReplyKind.LOST, error_kind="module/interrupted")


def _finished(frame: Frame, elapsed_s: float) -> Reply:
    values = dict(frame.values or {})
    if frame.how == "exec":
        values["rc"] = frame.status
    signal = _SIGNALS.get(frame.status - 128, "") if frame.how != "frame" else ""
    if signal:
        values["signal"] = signal
    said = values.pop("error_kind", "") if frame.status != 0 else ""
    return Reply(
        seq=frame.seq, kind=ReplyKind.FINISHED, exit_status=frame.status, values=values,
        stdout=frame.stdout, stderr=frame.stderr, elapsed_s=elapsed_s,
        error_kind=_trouble(frame, signal) or (said if isinstance(said, str) else ""),
    )


def _trouble(frame: Frame, signal: str) -> str:
    """Returns the kind of failure that the runtime itself saw, or ""."""
    if frame.trouble in _TROUBLES:
        return _TROUBLES[frame.trouble]
    if signal:
        return _KILLED
    if not frame.how or frame.values is None:
        return _BAD
    return ""


def parse_object(text: bytes) -> Mapping[str, Value] | None:
    """Returns a JSON object of a device, or None when `text` is not one.

    Bytes that are no UTF-8 become visible as ``\\xNN``; lone surrogates become
    question marks, so that every string can be written anywhere.
    """
    try:
        value = _DECODER.decode(text.decode("utf-8", _BYTES_IN_JSON))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if _LONE_SURROGATE.search(text):
        value = _without_surrogates(value)
    return cast("Mapping[str, Value]", value)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"not a number: {text}")
    return number


def _reject_constant(text: str) -> float:
    raise ValueError(f"not JSON: {text}")


_DECODER: Final = json.JSONDecoder(
    parse_float=_finite, parse_constant=_reject_constant, strict=False
)
_LONE_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_BYTES_IN_JSON: Final = "fleetrun-bytes-in-json"


def _escape_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    shown = "".join(f"\\\\x{byte:02x}" for byte in error.object[error.start : error.end])
    return shown, error.end


codecs.register_error(_BYTES_IN_JSON, _escape_bytes)


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            _without_surrogates(key): _without_surrogates(item) for key, item in value.items()
        }
    return value
