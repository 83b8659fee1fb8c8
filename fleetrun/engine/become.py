"""Opens a channel on which a program runs as somebody, and answers the question."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fleetrun.contracts import ByteStream, Connection
from fleetrun.model.steps import Identity
from fleetrun.remote.identity import MARK, Launch, become_error, launch

__all__ = ["open_as", "opened_as"]

#: A question at the end of what came: one line that ends in a colon.
_QUESTION: Final = re.compile(rb"[^\r\n]*:[ \t]*\Z")
_MARK_LINE: Final = re.compile(re.escape(MARK.encode()) + rb"\r?\n")
#: More than this before the program speaks is not a greeting any more.
_MAX_GREETING_BYTES: Final = 64 * 1024


async def open_as(
    connection: Connection, identity: Identity, program: str, *,
    password: str | None, timeout_s: float,
) -> tuple[ByteStream, bytes]:
    """Starts `program`; returns its stream and what it has said already.

    Without a password nothing is awaited beyond the opening of the channel.
    Raises ConnectError connect/become, LinkLostError.
    """
    plan = launch(identity, program, has_password=password is not None)
    stream = await connection.open(plan.command, pty=plan.pty)
    if not plan.asks or password is None:
        return stream, b""
    try:
        return stream, await _answer(stream, plan, identity, password, timeout_s)
    except BaseException:
        await stream.close()
        raise


@asynccontextmanager
async def opened_as(
    connection: Connection, identity: Identity, program: str, *,
    password: str | None, timeout_s: float,
) -> AsyncIterator[tuple[ByteStream, bytes]]:
    """As `open_as`, and closes the stream at the end."""
    stream, rest = await open_as(
        connection, identity, program, password=password, timeout_s=timeout_s
    )
    try:
        yield stream, rest
    finally:
        await stream.close()


async def _answer(
    stream: ByteStream, plan: Launch, identity: Identity, password: str, timeout_s: float
) -> bytes:
    """Gives the password once, and only to a question; returns what follows MARK."""
    heard = b""
    has_answered = False
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                mark = _MARK_LINE.search(heard)
                if mark is not None:
                    return heard[mark.end() :]
                if _is_question(heard, plan):
                    if has_answered:
                        raise become_error(identity, b"Sorry, try again.")
                    has_answered = True
                    heard = b""
                    await stream.write(password.encode() + b"\n")
                content = await stream.read()
                heard += content
                if not content or len(heard) > _MAX_GREETING_BYTES:
                    raise become_error(identity, heard)
    except TimeoutError:
        raise become_error(identity, heard, timed_out=True) from None


def _is_question(heard: bytes, plan: Launch) -> bool:
    if plan.prompt:
        return heard.endswith(plan.prompt.encode())
    return _QUESTION.search(heard) is not None
