"""Programs of this machine as if it were a device."""

from __future__ import annotations

import asyncio
import os

import pytest

from fleetrun.contracts import Target
from fleetrun.errors import ConnectError, LinkLostError
from fleetrun.transport.local import LocalConnection, LocalStream, LocalTransport

TARGET = Target(device="me", address="127.0.0.1")


async def connect(*shell: str) -> LocalConnection:
    """A connection to this machine."""
    return await LocalTransport(shell or ("/bin/sh",)).connect(TARGET)


async def read_all(stream: LocalStream) -> bytes:
    """Everything to the end."""
    heard = b""
    while content := await stream.read():
        heard += content
    return heard


def test_talks_with_a_program() -> None:
    """Bytes go both ways, stderr is apart, and the status comes at the end."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open("cat; echo oops >&2; exit 3")
        await stream.write(b"hello\0\xff")
        await stream.write_eof()
        assert (b"hello\0\xff", 3, "") == (
            await read_all(stream), stream.exit_status, stream.exit_signal
        )
        assert b"oops\n" == await stream.read_stderr()
        await connection.close()
        await connection.close()

    asyncio.run(main())


def test_tells_a_signal() -> None:
    """A killed program has a signal and no status."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open("kill -9 $$")
        assert (b"", None, "KILL") == (
            await read_all(stream), stream.exit_status, stream.exit_signal
        )
        await connection.close()

    asyncio.run(main())


def test_a_terminal_is_the_programs_own() -> None:
    """With pty the program has a controlling terminal."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open(
            "stty raw -echo; tty <&0 >/dev/null && echo raw >/dev/tty; head -c 3", pty=True
        )
        assert b"raw\n" == await stream.read()
        await stream.write(b"\x03\x04\r")
        await stream.write_eof()
        assert b"\x03\x04\r" == await read_all(stream)
        assert b"" == await stream.read_stderr()
        await connection.close()

    asyncio.run(main())


def test_much_goes_both_ways() -> None:
    """Megabytes pass while the reader is slow to come."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open("cat")
        content = os.urandom(3_000_000)

        async def send() -> None:
            await stream.write(content)
            await stream.write_eof()

        sending = asyncio.create_task(send())
        assert content == await read_all(stream)
        await sending
        await connection.close()

    asyncio.run(main())


def test_a_program_that_is_gone_is_a_lost_link() -> None:
    """Writing to it fails as a broken connection does."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open("exit 0")
        await read_all(stream)
        with pytest.raises(LinkLostError):
            await stream.write(b"x" * 1_000_000)
        await connection.close()

    asyncio.run(main())


def test_closing_wakes_who_waits() -> None:
    """A read and a write under way end when the stream is closed; later ones fail at once."""

    async def main() -> None:
        connection = await connect()
        for way in ("read", "write"):
            stream = await connection.open("sleep 100")
            waiting = asyncio.create_task(
                stream.read() if way == "read" else stream.write(b"x" * 10_000_000)
            )
            await asyncio.sleep(0.05)
            await stream.close()
            await stream.close()
            with pytest.raises(LinkLostError):
                await waiting
            with pytest.raises(LinkLostError):
                await stream.read()
            with pytest.raises(LinkLostError):
                await stream.write(b"x")
            await stream.write_eof()
        await connection.close()

    asyncio.run(main())


def test_a_severed_program_lives_on() -> None:
    """Cutting the link is not killing the program."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open("read -r x; echo $$; read -r x; sleep 100")
        await stream.write(b"\n")
        pid = int(await stream.read())
        stream.sever()
        with pytest.raises(LinkLostError):
            await stream.read()
        os.kill(pid, 0)
        await connection.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(main())


def test_a_shell_that_is_missing() -> None:
    """The error names it."""

    async def main() -> None:
        connection = await connect("/no/such/shell")
        with pytest.raises(ConnectError, match="cannot start /no/such/shell") as caught:
            await connection.open("true")
        assert "connect/resources" == caught.value.kind

    asyncio.run(main())


def test_cancelling_a_read_leaves_the_stream_whole() -> None:
    """What comes after a cancelled read is read by the next."""

    async def main() -> None:
        connection = await connect()
        stream = await connection.open("read -r x; echo late")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.read(), 0.05)
        await stream.write(b"\n")
        assert b"late\n" == await stream.read()
        await connection.close()

    asyncio.run(main())
