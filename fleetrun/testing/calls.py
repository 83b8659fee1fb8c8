"""What a scripted device is asked, and what it answers."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleetrun.model.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One execution of a module, as the device sees it."""

    module: str
    #: Its arguments; lists and mappings as the runtime spells them.
    args: Mapping[str, str]
    #: The words after the module's name (a command's argv).
    words: tuple[str, ...]
    #: Name of the receipt; "" when it runs in the shell itself.
    receipt: str = ""

    @property
    def name(self) -> str:
        """The command's first word, else the module's name."""
        return self.words[0] if self.words else self.args.get("argv_1", self.module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a module does."""

    status: int = 0
    values: Mapping[str, Value] = field(default_factory=lambda: {"changed": True})
    stdout: bytes = b""
    #: The link goes: "before" the module runs, "after" it ran but before its
    #: answer, or at a "power-cut" in the middle of it.
    cut: str = ""
    #: The answer waits for this.
    hold: asyncio.Event | None = None
    #: Done once the answer is out.
    then: Callable[[], None] | None = None


def read_call(text: str, receipt: str) -> Call:
    """Reads the call of a step out of the program text before its order."""
    # What stands before the call are the texts of modules, which may be long.
    tokens = shlex.split(text.rpartition("fr_src=" if receipt else "fr_call() {")[2])
    if receipt:
        tokens = shlex.split(tokens[0])
    last = max(i for i, token in enumerate(tokens) if token.startswith("fr_m_"))
    args = dict(
        token[2:].split("=", 1) for token in tokens[:last]
        if token.startswith("a_") and "=" in token
    )
    words: tuple[str, ...] = ()
    if "--" in tokens[:last]:
        words = tuple(tokens[tokens.index("--") + 1 : last])
    return Call(
        module=tokens[last].removeprefix("fr_m_"), args=args, words=words, receipt=receipt
    )
