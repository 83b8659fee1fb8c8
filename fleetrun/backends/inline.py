"""The inline backend: the run's shard lives in this process and event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class InlineBackend:
    """contracts.Backend without workers of its own."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Starts nothing and stops nothing: the event loop is the worker."""
        yield
