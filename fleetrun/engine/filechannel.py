"""Files to and from a device, each on a channel of its own that runs a constant program."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from contextlib import AbstractAsyncContextManager
from hashlib import sha256

from fleetrun.contracts import ByteStream
from fleetrun.errors import FleetrunError, LinkLostError

__all__ = ["fetch_file", "put_file", "stop_writing", "write_quietly"]

_SLACK_BYTES = 64 * 1024

Channel = AbstractAsyncContextManager[tuple[ByteStream, bytes]]


async def put_file(channel: Channel, content: bytes, path: str, mode: int) -> None:
    """Makes the file `path`, whole or not at all; `channel` runs `identity.PUT`.

    Raises FleetrunError file/write, file/name; ConnectError, LinkLostError.
    """
    header = f"{_line(path)}\n{mode:o}\n{len(content)}\n{sha256(content).hexdigest()}\n"
    async with channel as (stream, greeting):
        writing = asyncio.ensure_future(write_quietly(stream, header.encode() + content))
        try:
            said = await _read_until(stream, greeting, b"fr:ok\n", _SLACK_BYTES)
        finally:
            await stop_writing(writing)
    if b"fr:ok\n" not in said:
        raise FleetrunError(
            f"cannot write {path} on the device: {_last_words(said)}", kind="file/write",
            hint="check free space and permissions there",
        )


async def fetch_file(channel: Channel, path: str, max_bytes: int) -> bytes:
    """Returns the content of a file; `channel` runs `identity.FETCH`.

    Raises FleetrunError file/missing, file/directory, file/unreadable,
    file/too-large, file/name; ConnectError, LinkLostError.
    """
    key = secrets.token_hex(16)
    end = f"\nfr:end {key} 0\n".encode()
    async with channel as (stream, greeting):
        await write_quietly(stream, f"{_line(path)}\n{max_bytes + 1}\n{key}\n".encode())
        said = await _read_until(stream, greeting, end, max_bytes + _SLACK_BYTES)
    head, found, rest = said.partition(b"fr:ok\n")
    if not found:
        why = _last_words(head).removeprefix("fr:no ")
        kind = why if why in {"missing", "directory", "unreadable"} else "unreadable"
        raise FleetrunError(f"cannot read {path} on the device: {why}", kind=f"file/{kind}")
    content = rest.removesuffix(end)
    if len(content) > max_bytes:
        raise FleetrunError(
            f"{path} on the device is larger than {max_bytes} bytes", kind="file/too-large"
        )
    if content == rest:
        raise FleetrunError(
            f"cannot read {path} on the device: {_last_words(rest[-300:])}", kind="file/unreadable"
        )
    return content


async def write_quietly(stream: ByteStream, content: bytes) -> None:
    """Writes; a lost link shows on the reading side, with all that was said before."""
    with contextlib.suppress(LinkLostError):
        await stream.write(content)


async def stop_writing(writing: asyncio.Future[None] | None) -> None:
    """Ends a `write_quietly` that runs beside the reading."""
    if writing is None:
        return
    writing.cancel()
    await asyncio.wait({writing})
    if not writing.cancelled():
        writing.result()


async def _read_until(stream: ByteStream, said: bytes, end: bytes, limit: int) -> bytes:
    """Reads to `end`, the end of the stream, or more than `limit` bytes."""
    heard = bytearray(said)
    while not heard.endswith(end) and len(heard) <= limit:
        content = await stream.read()
        if not content:
            break
        heard += content
    return bytes(heard)


def _line(path: str) -> str:
    if not path or "\n" in path or "\0" in path:
        raise FleetrunError(
            f"a path of a device cannot be {path!r}", kind="file/name",
            hint="paths must be one line and not empty",
        )
    return path if "/" in path else f"./{path}"


def _last_words(said: bytes) -> str:
    lines = said.decode("utf-8", "backslashreplace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
