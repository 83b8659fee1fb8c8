"""Output that never stalls the event loop."""

from __future__ import annotations

import asyncio
import io
import os

import pytest

from fleetrun.reporters.sink import ROOM_CHARS, OutputThread, room_in


def test_keeps_the_order_of_two_streams() -> None:
    """stdout and stderr of one terminal stay in the order of the calls."""
    screen = io.StringIO()

    async def main() -> None:
        output = OutputThread()
        first, second = output.wrap(screen), output.wrap(screen)
        for number in range(1000):
            (first if number % 2 else second).write(f"{number}\n")
        await output.close()
        await output.close()

    asyncio.run(main())
    assert screen.getvalue() == "".join(f"{number}\n" for number in range(1000))


def test_a_stopped_reader_does_not_stop_the_loop() -> None:
    """While nobody reads the pipe, the loop runs; room comes when it is read."""
    read_end, write_end = os.pipe()

    async def main() -> int:
        with os.fdopen(write_end, "w") as stream:
            output = OutputThread()
            out = output.wrap(stream)
            out.write("x" * (ROOM_CHARS + 1))
            waiting = asyncio.ensure_future(room_in(out))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            reading = asyncio.ensure_future(asyncio.to_thread(read_all, read_end))
            await asyncio.wait_for(waiting, 300)
            await output.close()
        return await reading

    assert asyncio.run(main()) == ROOM_CHARS + 1


def read_all(descriptor: int) -> int:
    with os.fdopen(descriptor, "rb") as stream:
        return len(stream.read())


def test_says_that_the_reader_is_gone() -> None:
    """After a closed pipe, writing raises instead of piling up."""
    read_end, write_end = os.pipe()
    os.close(read_end)

    async def main() -> None:
        stream = os.fdopen(write_end, "w")
        output = OutputThread()
        out = output.wrap(stream)
        out.write("x\n")
        await output.close()
        with pytest.raises(OSError, match="output is gone"):
            out.write("y\n")
        with pytest.raises(BrokenPipeError):
            stream.close()

    asyncio.run(main())


def test_writes_to_an_ascii_terminal() -> None:
    """Glyphs that the terminal's encoding lacks are spelled out."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")

    async def main() -> None:
        output = OutputThread()
        output.wrap(stream).write("✗ gw-01\n")
        await output.close()

    asyncio.run(main())
    assert raw.getvalue() == b"\\u2717 gw-01\n"
