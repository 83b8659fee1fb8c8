"""A TCP proxy on loopback that delays both directions and counts round trips."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(slots=True)
class SlowLink:
    """One proxied link.

    Each end has a logical clock (Lamport's): what an end sends carries its
    clock, and what arrives sets the other end's to one more. So a slow machine
    does not add to the count as it adds to the time.
    """

    port: int = 0
    near_hops: int = 0
    far_hops: int = 0

    @property
    def round_trips(self) -> float:
        """Round trips that lie behind what the near end has received.

        The TCP handshake is counted, though it is not delayed.
        """
        return 1 + self.near_hops / 2


@contextlib.asynccontextmanager
async def slow_link(address: str, port: int, *, one_way_s: float) -> AsyncIterator[SlowLink]:
    """Forwards the connections to `SlowLink.port` to `address`:`port`."""
    link = SlowLink()
    tasks: list[asyncio.Task[None] | None] = []
    loop = asyncio.get_running_loop()

    def arrive(writer: asyncio.StreamWriter, chunk: bytes, to_far: bool, sent_at: int) -> None:
        if to_far:
            link.far_hops = max(link.far_hops, sent_at + 1)
        else:
            link.near_hops = max(link.near_hops, sent_at + 1)
        writer.write(chunk)

    async def relay(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to_far: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(65536):
                sent_at = link.near_hops if to_far else link.far_hops
                loop.call_later(one_way_s, arrive, writer, chunk, to_far, sent_at)
        loop.call_later(one_way_s, writer.close)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection(address, port)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                relay(reader, far_writer, True), relay(far_reader, writer, False)
            )
        writer.close()
        far_writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    link.port = server.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
                await task
