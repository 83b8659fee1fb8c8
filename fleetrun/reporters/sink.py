"""Writing to a terminal or pipe without ever stalling the event loop.

A stopped pager or a terminal under Ctrl-S blocks a write for minutes; on the
event loop that would lose every device's link. One thread writes for all
streams, so what goes to stdout and stderr keeps its order on the terminal.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Final, Protocol, TextIO

#: Characters that may wait before reporters are asked to wait too.
ROOM_CHARS: Final = 4 * 1024 * 1024

#: A reporter that waits for room looks again after this at the latest.
_LOOK_S: Final = 0.2


class Out(Protocol):
    """The part of a text stream that reporters use."""

    def write(self, text: str, /) -> object:
        """Takes text."""
        ...

    def flush(self) -> object:
        """Shows what was taken."""
        ...


class OutputThread:
    """Writes to wrapped streams in a thread of its own, in order.

    Use: ``output = OutputThread(); stdout = output.wrap(sys.stdout)``; `close`
    waits until all is written.
    """

    def __init__(self) -> None:
        self._pieces: deque[tuple[TextIO, str]] = deque()
        self._has_pieces = threading.Event()
        self._has_room = threading.Event()
        self._is_closing = False
        self._waiting_chars = 0
        self._lock = threading.Lock()
        #: The first error of a write, such as a closed pipe.
        self._error: OSError | ValueError | None = None
        self._thread = threading.Thread(target=self._main, name="fleetrun-output", daemon=True)
        self._thread.start()

    def wrap(self, stream: TextIO) -> QueuedStream:
        """Returns a stream whose writes never wait."""
        return QueuedStream(self, stream)

    def put(self, stream: TextIO, text: str) -> None:
        """Queues text; raises OSError when an earlier write failed."""
        if self._error is not None:
            raise OSError(f"output is gone: {self._error}") from self._error
        with self._lock:
            self._waiting_chars += len(text)
        self._pieces.append((stream, text))
        self._has_pieces.set()

    async def room(self) -> None:
        """Returns when less than `ROOM_CHARS` wait; raises OSError as `put`."""
        while self._waiting_chars > ROOM_CHARS and self._error is None:
            self._has_room.clear()
            await asyncio.to_thread(self._has_room.wait, _LOOK_S)
        if self._error is not None:
            raise OSError(f"output is gone: {self._error}") from self._error

    async def close(self) -> None:
        """Writes what waits and ends the thread; safe to call twice."""
        self._is_closing = True
        self._has_pieces.set()
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while True:
            self._has_pieces.wait()
            self._has_pieces.clear()
            is_last = self._is_closing
            touched: set[TextIO] = set()
            while self._pieces:
                stream, text = self._pieces.popleft()
                self._attempt(stream, text)
                touched.add(stream)
                with self._lock:
                    self._waiting_chars -= len(text)
                self._has_room.set()
            for stream in touched:
                self._attempt(stream, None)
            if is_last:
                return

    def _attempt(self, stream: TextIO, text: str | None) -> None:
        """Writes text, or flushes; after the first error nothing is written."""
        if self._error is not None:
            return
        try:
            if text is None:
                stream.flush()
            else:
                _write(stream, text)
        except (OSError, ValueError) as error:
            self._error = error
            self._has_room.set()


class QueuedStream:
    """A stream for `print`-like writers; see `OutputThread`."""

    def __init__(self, output: OutputThread, stream: TextIO) -> None:
        self._output = output
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str, /) -> int:
        """Queues text."""
        self._output.put(self._stream, text)
        return len(text)

    def flush(self) -> None:
        """Does nothing: the thread flushes whenever it has written all."""

    def isatty(self) -> bool:
        """True when the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Descriptor of the stream (tqdm asks it for the window's size)."""
        return self._stream.fileno()

    async def room(self) -> None:
        """Returns when there is room; see `OutputThread.room`."""
        await self._output.room()


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        # A terminal in a locale of the last century.
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


async def room_in(out: Out) -> None:
    """Waits while a queued stream is full; other streams always have room."""
    if isinstance(out, QueuedStream):
        await out.room()
