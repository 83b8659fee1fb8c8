"""Scripted devices: they speak the wire's language, and do what a test says.

A `FakeDevice` reads the program text that is sent to its shell and answers in
frames. It keeps receipts and files as a real device does, so lost links,
reboots and resumes can be played in microseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.model.values import Value
from fleetrun.remote.identity import MARK, SUDO_PROMPT
from fleetrun.testing.calls import Answer, Call, read_call

__all__ = ["Answer", "Call", "FakeConnection", "FakeDevice", "FakeStream", "FakeTransport"]

_FOLDER: Final = re.compile(rb"fr__folder=(\S+)")
_NONCE: Final = re.compile(rb"fr__nonce=(\S+) fr__id=(\S+)")
_OPENING_END: Final = b'{ eval "$fr_lib" && fr__open; }\n'
_ORDER: Final = re.compile(
    rb"^\{ (?:! fr__go (?P<seq>\d+) (?P<group>g\d+) \|\| )?"
    rb"fr__(?P<verb>step|detach|settle|forget|close)(?P<words>[^\n]*?);? \}\n", re.MULTILINE,
)


@dataclass(slots=True)
class _Receipt:
    boot_id: str
    #: None while it runs, or when it was interrupted.
    answer: Answer | None = None


class FakeDevice:
    """A device; a test changes it and looks at it as it likes."""

    def __init__(
        self, name: str = "d1", answer: Callable[[Call], Answer] | None = None, *,
        trace: list[str] | None = None,
    ) -> None:
        self.name = name
        self.answer = answer or (lambda call: Answer())
        self.trace = [] if trace is None else trace
        self.boot_id = "boot-1"
        self.uptime_s: Value = 1_000_000
        self.is_online = True
        #: Raised by the next attempts to connect, one each.
        self.connect_errors: deque[Exception] = deque()
        #: Asked for by sudo; None: sudo asks nobody.
        self.sudo_password: str | None = None
        self.files: dict[str, bytes] = {}
        self.is_disk_full = False
        self.receipts: dict[str, _Receipt] = {}
        #: What ran, in order; the same name twice means it ran twice.
        self.ran: list[str] = []
        self.calls: list[Call] = []
        self.targets: list[Target] = []
        #: Files that were put on it, by path.
        self.puts: list[str] = []
        #: Users whose shells were opened ("" = the login user).
        self.users: list[str] = []
        #: For each shell that was ended politely: was it told to forget the run?
        self.goodbyes: list[bool] = []
        self.links: set[FakeConnection] = set()

    def cut_links(self) -> None:
        """Drops all connections."""
        for link in list(self.links):
            link.cut()

    def reboot(self, boot_id: str = "boot-2") -> None:
        """Drops all connections and comes up with another boot_id."""
        self.boot_id = boot_id
        self.cut_links()


class FakeTransport:
    """`contracts.Transport` to scripted devices."""

    def __init__(self, devices: Iterable[FakeDevice]) -> None:
        self.devices = {device.name: device for device in devices}
        self.is_closed = False

    @property
    def open_links(self) -> int:
        """Connections that nobody closed."""
        return sum(len(device.links) for device in self.devices.values())

    async def connect(self, target: Target) -> FakeConnection:
        """Connects; raises what the test says."""
        await asyncio.sleep(0)
        device = self.devices[target.device]
        device.targets.append(target)
        if device.connect_errors:
            raise device.connect_errors.popleft()
        if not device.is_online:
            raise ConnectError("nobody answers", kind="connect/timeout", hint="is it on?")
        return FakeConnection(device)

    async def close(self) -> None:
        """Notes it."""
        self.is_closed = True


class FakeConnection:
    """`contracts.Connection`."""

    def __init__(self, device: FakeDevice) -> None:
        self._device = device
        self._streams: list[FakeStream] = []
        device.links.add(self)

    async def open(self, command: str, *, pty: bool = False) -> FakeStream:
        """Starts the program that the command is for."""
        del pty
        await asyncio.sleep(0)
        if self not in self._device.links:
            raise LinkLostError("the link is gone", kind="lost/reset")
        kind = FakePut if "read -r s" in command else FakeFetch if "read -r k" in command else (
            FakeShell
        )
        stream = kind(self._device, self, command)
        self._streams.append(stream)
        return stream

    def cut(self) -> None:
        """Loses the link."""
        self._device.links.discard(self)
        for stream in self._streams:
            stream.lose()

    async def close(self) -> None:
        """Closes everything."""
        self.cut()


class FakeStream(ABC):
    """`contracts.ByteStream`; a program is a subclass with a `_work`."""

    def __init__(self, device: FakeDevice, link: FakeConnection, command: str) -> None:
        self.exit_status: int | None = None
        self.exit_signal = ""
        self._device = device
        self._link = link
        self._buffer = bytearray()
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_lost = False
        #: Waits for a password; then the program begins.
        self._locked = ""
        self._become(command)

    async def read(self) -> bytes:
        """Returns what the program says next."""
        if self._said.empty() and self._is_lost:
            raise LinkLostError("the link is gone", kind="lost/reset")
        content = await self._said.get()
        if content or not self._is_lost:
            return content
        raise LinkLostError("the link is gone", kind="lost/reset")

    async def read_stderr(self) -> bytes:
        """Returns nothing."""
        return b""

    async def write(self, content: bytes) -> None:
        """Gives the program its input."""
        if self._is_lost:
            raise LinkLostError("the link is gone", kind="lost/reset")
        self._buffer += content
        if self._locked and not self._unlock():
            return
        await self._work()

    async def write_eof(self) -> None:
        """Yields once; the programs here end by what they were told."""
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Ends the program."""
        self.lose()

    def lose(self) -> None:
        """What is read from now on is a lost link."""
        self._is_lost = True
        self._said.put_nowait(b"")

    @abstractmethod
    async def _work(self) -> None:
        """Does what the program does with what it was sent so far."""

    def _say(self, content: bytes) -> None:
        if content and not self._is_lost:
            self._said.put_nowait(content)

    def _end(self, status: int) -> None:
        self.exit_status = status
        self._said.put_nowait(b"")

    def _become(self, command: str) -> None:
        """Plays sudo, with and without a password."""
        user = re.search(r"sudo .*?-u (\S+)", command)
        self._device.users.append(user[1] if user else "")
        if user is None:
            return
        if "-S" in command.split():
            if self._device.sudo_password is None:
                self._say(MARK.encode() + b"\n")
            else:
                self._locked = self._device.sudo_password
                self._say(SUDO_PROMPT.encode())
        elif self._device.sudo_password is not None:
            self._say(b"sudo: a password is required\n")
            self._end(1)

    def _unlock(self) -> bool:
        given, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        if given.decode() != self._locked:
            self._say(b"Sorry, try again.\n" + SUDO_PROMPT.encode())
            return False
        self._locked = ""
        self._say(MARK.encode() + b"\n")
        return True


class FakePut(FakeStream):
    """The program that takes a file."""

    @override
    async def _work(self) -> None:
        head = bytes(self._buffer).split(b"\n", 4)
        if len(head) < 5 or len(head[4]) < int(head[2]):
            return
        path, content = head[0].decode(), head[4]
        if self._device.is_disk_full:
            self._say(b"head: write error: No space left on device\nfr:no cannot write\n")
            self._end(1)
            return
        self._device.puts.append(path)
        self._device.files[path] = content
        self._say(b"fr:ok\n")
        self._end(0)


class FakeFetch(FakeStream):
    """The program that gives a file."""

    @override
    async def _work(self) -> None:
        path, limit, key = bytes(self._buffer).decode().splitlines()[:3]
        content = self._device.files.get(path)
        if content is None:
            self._say(b"fr:no missing\n")
        else:
            self._say(b"fr:ok\n" + content[: int(limit)] + f"\nfr:end {key} 0\n".encode())
        self._end(0)


class FakeShell(FakeStream):
    """The persistent sh."""

    _nonce = ""
    #: Begin of the names of its receipts: each run has a folder of its own.
    _folder = ""
    _halt = ""

    @override
    async def _work(self) -> None:
        if not self._nonce:
            if _OPENING_END not in self._buffer:
                return
            found = _NONCE.search(self._buffer)
            self._nonce = found[1].decode() if found else ""
            folder = _FOLDER.search(self._buffer)
            self._folder = f"{folder[1].decode()}/" if folder else ""
            del self._buffer[: self._buffer.index(_OPENING_END) + len(_OPENING_END)]
            facts = {"boot_id": self._device.boot_id, "uptime": self._device.uptime_s}
            self._control(f"r {json.dumps(facts)}")
        while (order := _ORDER.search(self._buffer)) is not None:
            before = bytes(self._buffer[: order.start()]).decode()
            words = order["words"].decode().split()
            seq, group, verb = order["seq"], order["group"], order["verb"].decode()
            del self._buffer[: order.end()]
            if "fr__halt=" in before:
                self._halt = ""
            if seq is None:
                self._manage(verb, words)
            else:
                await self._step(verb, before, words, group.decode())
            if self._is_lost:
                return

    def _control(self, line: str) -> None:
        self._say(f"\n{self._nonce} {line}\n".encode())

    def _manage(self, verb: str, words: list[str]) -> None:
        if verb == "close":
            self._device.goodbyes.append(words == ["1"])
            if words == ["1"]:
                for name in [n for n in self._device.receipts if n.startswith(self._folder)]:
                    del self._device.receipts[name]
        elif verb == "forget":
            for name in words:
                self._device.receipts.pop(self._folder + name, None)
        else:
            self._settle(words[0], words[1])

    def _settle(self, seq: str, name: str) -> None:
        receipt = self._device.receipts.get(self._folder + name)
        if receipt is None:
            self._control(f"v {seq}")
        else:
            self._attach(seq, receipt)

    def _attach(self, seq: str, receipt: _Receipt) -> None:
        if receipt.answer is None:
            self._control(f"i {seq}")
            self._halt = "all"
            return
        answer = receipt.answer
        self._control("o")
        self._say(answer.stdout)
        self._control("x")
        length = len(answer.stdout)
        text = json.dumps(dict(answer.values))
        self._control(f"d {seq} {answer.status} - exec {length} - 0 - {text}")

    async def _step(self, verb: str, before: str, words: list[str], group: str) -> None:
        seq, policy = words[0], words[1]
        if self._halt not in {"", group}:
            self._control(f"n {seq}")
            return
        call = read_call(before, words[3] if verb == "detach" else "")
        receipt = self._device.receipts.get(self._folder + call.receipt) if call.receipt else None
        answer = self._device.answer(call) if receipt is None else receipt.answer
        if receipt is None:
            answer = await self._run(call, answer or Answer())
        if answer is None or self._is_lost:
            if not self._is_lost and receipt is not None:
                self._attach(seq, receipt)
            return
        self._answer(seq, call, answer)
        if answer.status != 0 and policy != "go":
            self._halt = group if policy == "defer" else "all"
        if receipt is None and answer.then is not None:
            answer.then()

    async def _run(self, call: Call, answer: Answer) -> Answer | None:
        """Runs a module; None when the link did not survive it."""
        device = self._device
        if answer.cut == "before":
            self._link.cut()
            return None
        device.trace.append(f"run {call.name}")
        device.ran.append(call.name)
        device.calls.append(call)
        if call.receipt:
            device.receipts[self._folder + call.receipt] = _Receipt(device.boot_id)
        if answer.hold is not None:
            await answer.hold.wait()
        if answer.cut == "power-cut":
            device.reboot(f"{device.boot_id}+")
            return None
        if call.receipt:
            device.receipts[self._folder + call.receipt].answer = answer
        if answer.cut == "after":
            self._link.cut()
            return None
        return answer

    def _answer(self, seq: str, call: Call, answer: Answer) -> None:
        if call.receipt:
            self._attach(seq, self._device.receipts[self._folder + call.receipt])
            return
        self._say(answer.stdout)
        self._control(f"f {answer.status} {json.dumps(dict(answer.values))}")
        self._control(f"e {seq} {96 if answer.status else 97}")
