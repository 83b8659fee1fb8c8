"""The persistent sh of one identity on one device.

The text of a batch goes out in one write, the answers come back one by one.
While the shell lives everything it says is read in order; when the link goes,
every step that has no answer yet is LOST: it may have begun. What became of
detached steps is then asked of a new shell by `settle`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from fleetrun.contracts import ByteStream, Clock, Connection
from fleetrun.engine.become import open_as, opened_as
from fleetrun.engine.filechannel import fetch_file, put_file, stop_writing, write_quietly
from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.model.steps import Identity, RemoteBatch, Reply, ReplyKind, Step
from fleetrun.model.values import Value
from fleetrun.remote.bundle import Bundler
from fleetrun.remote.identity import FETCH, PUT, SHELL, become_error
from fleetrun.remote.protocol import Frame, FrameKind, FrameParser, to_reply

__all__ = ["Shell", "ShellSpec"]

_INTERRUPTED: Final = "module/interrupted"
#: Larger texts are written while answers are read: a device that is stuck
#: sending its output would else never read the rest of the program.
_WRITE_AT_ONCE_BYTES: Final = 32 * 1024
_FLOOD_BYTES: Final = 4096
#: Acknowledged receipts are removed when so many have gathered.
_FORGET_AFTER: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellSpec:
    """What a shell is started with."""

    run: str
    device: str
    identity: Identity
    become_password: str | None = field(default=None, repr=False)
    #: The sh runtime, modules/lib.
    lib: str = field(repr=False)
    start_timeout_s: float = 30.0


class Shell:
    """Runs batches on the device, one at a time."""

    def __init__(
        self, connection: Connection, spec: ShellSpec, clock: Clock, stream: ByteStream
    ) -> None:
        nonce = secrets.token_hex(16)
        self._connection = connection
        self._spec = spec
        self._clock = clock
        self._stream = stream
        self._bundler = Bundler(spec.lib, nonce)
        self._parser = FrameParser(nonce)
        self._frames: deque[Frame] = deque()
        self._facts: Mapping[str, Value] = {}
        #: Loop time by which the ready frame must be there, once it is awaited.
        self._ready_by: float | None = None
        #: Kind of the loss, once the shell cannot be used any more.
        self._lost = ""
        self._lock = asyncio.Lock()
        #: Keys of detached steps whose results were handed out in earlier batches.
        self._acknowledged: list[str] = []
        self._answered: list[str] = []

    @property
    def boot_id(self) -> str:
        """The device's boot_id; "" before the first answer."""
        return str(self._facts.get("boot_id") or "")

    @property
    def facts(self) -> Mapping[str, Value]:
        """boot_id, home, uid, folder and tools, as the ready frame says; {} before it."""
        return self._facts

    @classmethod
    async def start(cls, connection: Connection, spec: ShellSpec, clock: Clock) -> Shell:
        """Opens the channel and sends the runtime.

        Does not wait for the answer, unless a password had to be given: the
        first batch may follow at once. Raises ConnectError, LinkLostError.
        """
        stream, rest = await open_as(
            connection, spec.identity, SHELL,
            password=spec.become_password, timeout_s=spec.start_timeout_s,
        )
        shell = cls(connection, spec, clock, stream)
        shell._frames.extend(shell._parser.feed(rest))
        await write_quietly(stream, shell._bundler.opening(spec.run, spec.device, spec.identity))
        return shell

    async def ready(self) -> None:
        """Returns when the shell has answered; raises ConnectError when it will not."""
        async with self._lock:
            await self._ready()

    async def run(self, batch: RemoteBatch) -> AsyncGenerator[Reply, None]:
        """Runs a batch; yields exactly one reply per step, in order.

        A lost link gives LOST for the step that may have begun and all after
        it. Raises ConnectError, before the first reply, only when the shell
        certainly never came to be (wrong password, no such user): nothing ran.
        """
        async with self._lock:
            waiting = deque(batch.steps)
            text = self._forgetting() + self._bundler.batch(batch.steps)
            writing = await self._begin_write(text)
            try:
                since = self._clock.monotonic()
                while waiting and (frame := await self._next_frame()) is not None:
                    now = self._clock.monotonic()
                    for reply in self._replies(frame, waiting, now - since):
                        yield reply
                    since = now
            finally:
                await stop_writing(writing)
            if not self._facts and self._has_ended_by_itself:
                raise await self._never_spoke()
            for step in waiting:
                yield Reply(seq=step.seq, kind=ReplyKind.LOST, error_kind=self._lost)

    async def settle(self, steps: Sequence[Step], *, boot_id: str = "") -> Mapping[str, Reply]:
        """Returns what became of steps that an earlier shell was sent, by key.

        FINISHED with the result from its receipt, after waiting for a step that
        still runs. NOT_RUN when it certainly never started: no receipt, and the
        boot_id is that of the earlier session; it cannot start later either.
        LOST with ``module/interrupted`` otherwise, and for steps that were not
        detached; LOST with another kind when this link went, too. Safe to
        repeat. Raises ConnectError as `run` does.
        """
        replies = {
            step.key: Reply(seq=step.seq, kind=ReplyKind.LOST, error_kind=_INTERRUPTED)
            for step in steps
        }
        detached = {step.seq: step.key for step in steps if step.is_detached}
        async with self._lock:
            asked = [step for step in steps if step.is_detached]
            writing = await self._begin_write(self._bundler.settle(asked))
            try:
                while detached and (frame := await self._next_frame()) is not None:
                    key = detached.pop(frame.seq, "")
                    if key:
                        replies[key] = self._settled(frame, replies[key], boot_id)
            finally:
                await stop_writing(writing)
            if not self._facts and self._has_ended_by_itself:
                raise await self._never_spoke()
        for seq, key in detached.items():
            replies[key] = Reply(seq=seq, kind=ReplyKind.LOST, error_kind=self._lost)
        return replies

    async def forget(self, keys: Sequence[str]) -> None:
        """Removes receipts, so that steps that were interrupted may run once more."""
        async with self._lock:
            await write_quietly(self._stream, self._bundler.forget(keys))

    async def put(self, content: bytes, path: str, mode: int = 0o600) -> None:
        """Makes the file `path` on the device, whole or not at all.

        Relative paths start at the identity's home. Raises FleetrunError
        file/write, ConnectError, LinkLostError.
        """
        await put_file(self._channel(PUT), content, path, mode)

    async def fetch(self, path: str, max_bytes: int) -> bytes:
        """Returns the content of a file on the device.

        Relative paths start at the identity's home. Raises FleetrunError
        file/missing, file/directory, file/unreadable, file/too-large;
        ConnectError, LinkLostError.
        """
        return await fetch_file(self._channel(FETCH), path, max_bytes)

    async def close(self, *, whole_run: bool = False) -> None:
        """Ends the shell; safe to call twice.

        `whole_run` removes the run's receipts from the device: only right when
        every result is in the journal for good. Otherwise they stay for a week.
        """
        if not self._lost and self._facts:
            await write_quietly(self._stream, self._bundler.closing(whole_run=whole_run))
        self._lost = self._lost or "lost/closed"
        await self._stream.close()

    # ---- reading --------------------------------------------------------

    async def _ready(self) -> None:
        if self._facts:
            return
        frame = await self._next_frame(stop_at_ready=True)
        if frame is None:
            if self._lost == "lost/timeout":
                raise become_error(self._spec.identity, self._parser.stray, timed_out=True)
            if self._has_ended_by_itself:
                raise await self._never_spoke()
            raise LinkLostError("the link was lost before the shell answered", kind=self._lost)

    async def _next_frame(self, *, stop_at_ready: bool = False) -> Frame | None:
        """Returns the next frame, None when the shell is lost (see `_lost`)."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame.kind is FrameKind.READY:
                    self._facts = frame.values or {"boot_id": ""}
                    if stop_at_ready:
                        return frame
                elif frame.kind is FrameKind.GOODBYE:
                    self._lost = "lost/shell-died"
                else:
                    return frame
            if self._lost or not await self._read():
                return None

    async def _read(self) -> bool:
        if self._ready_by is None:
            self._ready_by = asyncio.get_running_loop().time() + self._spec.start_timeout_s
        try:
            async with asyncio.timeout_at(None if self._facts else self._ready_by):
                content = await self._stream.read()
                if len(content) >= _FLOOD_BYTES:
                    # One device that floods us must not starve the others, nor
                    # outrun its own timeout.
                    await asyncio.sleep(0)
        except LinkLostError as error:
            self._lost = error.kind
        except TimeoutError:
            self._lost = "lost/timeout"
        else:
            self._frames.extend(self._parser.feed(content))
            if not content:
                self._lost = "lost/shell-died"
        return not self._lost

    def _replies(self, frame: Frame, waiting: deque[Step], elapsed_s: float) -> Iterable[Reply]:
        """Takes the frame's step off `waiting`, with any before it that got none."""
        if all(step.seq != frame.seq for step in waiting):
            return
        while (step := waiting.popleft()).seq != frame.seq:
            yield Reply(seq=step.seq, kind=ReplyKind.LOST, error_kind="lost/garbage")
        reply = to_reply(frame, elapsed_s=elapsed_s)
        if step.is_detached and reply.kind is ReplyKind.FINISHED:
            self._answered.append(step.key)
        yield reply

    def _settled(self, frame: Frame, interrupted: Reply, boot_id: str) -> Reply:
        if frame.kind is FrameKind.NEVER_STARTED and self.boot_id != boot_id:
            # Receipts are not fsynced: a power cut may have taken this one.
            return interrupted
        return to_reply(frame)

    @property
    def _has_ended_by_itself(self) -> bool:
        return self._lost == "lost/shell-died" and self._stream.exit_status is not None

    async def _never_spoke(self) -> ConnectError:
        said = self._parser.stray
        try:
            async with asyncio.timeout(1):
                said += await self._stream.read_stderr()
        except (TimeoutError, LinkLostError):
            pass  # the message is only a help
        return become_error(
            self._spec.identity, said, was_given=self._spec.become_password is not None
        )

    # ---- writing --------------------------------------------------------

    def _forgetting(self) -> bytes:
        """The order to remove receipts that earlier batches' answers made useless.

        A batch is sent after its intents are durable, so all that was answered
        before it is durable, too.
        """
        self._acknowledged += self._answered
        self._answered = []
        if len(self._acknowledged) < _FORGET_AFTER:
            return b""
        keys, self._acknowledged = self._acknowledged, []
        return self._bundler.forget(keys)

    async def _begin_write(self, text: bytes) -> asyncio.Future[None] | None:
        if self._lost:
            return None
        if len(text) > _WRITE_AT_ONCE_BYTES:
            return asyncio.ensure_future(write_quietly(self._stream, text))
        await write_quietly(self._stream, text)
        return None

    def _channel(self, program: str) -> AbstractAsyncContextManager[tuple[ByteStream, bytes]]:
        spec = self._spec
        return opened_as(
            self._connection, spec.identity, program,
            password=spec.become_password, timeout_s=spec.start_timeout_s,
        )
