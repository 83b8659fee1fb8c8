"""A task group that raises the error itself, not a group around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fleetrun.errors import FleetrunError


@asynccontextmanager
async def one_error_group() -> AsyncIterator[asyncio.TaskGroup]:
    """As `asyncio.TaskGroup`; of several errors one of ours is raised first.

    The command line tells people about a FleetrunError; a group of them would
    look like a bug.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    leaves = list(_leaves(errors))
    ours = [error for error in leaves if isinstance(error, FleetrunError)]
    return (ours or leaves)[0]


def _leaves(errors: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
