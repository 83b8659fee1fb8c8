"""Puts a run's reporters together: results to stdout, narration to stderr."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from fleetrun import __version__
from fleetrun.contracts import Clock, Reporter
from fleetrun.reporters import palette
from fleetrun.reporters.ansible import AnsibleReporter
from fleetrun.reporters.jsonl import JsonlReporter
from fleetrun.reporters.progress import ProgressReporter
from fleetrun.reporters.sink import Out, OutputThread
from fleetrun.reporters.text import TextReporter


def wants_colour(stream: TextIO) -> bool:
    """True when `stream` may be coloured: a terminal, and the environment allows it."""
    return palette.wants_colour(is_terminal=stream.isatty(), environ=os.environ)


@asynccontextmanager
async def live_reporters(
    *, output: str, verbosity: int, folds: bool, clock: Clock
) -> AsyncIterator[list[Reporter]]:
    """Gives the reporters of a run; on exit all that they said is written.

    They write from a thread, so a stopped pager or terminal stalls no device,
    and the progress moves while devices are silent. `folds` is for ad-hoc
    commands.
    """
    thread = OutputThread()
    stdout, stderr = thread.wrap(sys.stdout), thread.wrap(sys.stderr)
    progress = ProgressReporter(
        stderr=stderr, clock=clock, is_terminal=sys.stderr.isatty(),
        colour=wants_colour(sys.stderr),
    )
    ticking = asyncio.create_task(_keep_ticking(progress))
    try:
        if output == "json":
            yield [_results(stdout, stdout, output, verbosity, folds=folds), progress]
        else:
            above = (progress.above(stdout), progress.above(stderr))
            yield [_results(*above, output, verbosity, folds=folds), progress]
    finally:
        ticking.cancel()
        await asyncio.wait({ticking})
        await thread.close()
        for stream in (sys.stdout, sys.stderr):
            _give_up_if_broken(stream)


def replay_reporters(*, output: str, verbosity: int, folds: bool) -> list[Reporter]:
    """Returns the reporters of a run that is over: there is no progress to show."""
    return [_results(sys.stdout, sys.stderr, output, verbosity, folds=folds)]


def _results(
    stdout: Out, stderr: Out, output: str, verbosity: int, *, folds: bool
) -> Reporter:
    if output == "json":
        return JsonlReporter(stdout=stdout, version=__version__)
    if output == "ansible":
        return AnsibleReporter(
            stdout=stdout, stderr=stderr, colour=wants_colour(sys.stdout), verbosity=verbosity
        )
    return TextReporter(
        stdout=stdout, stderr=stderr, colour=wants_colour(sys.stderr),
        width=shutil.get_terminal_size((100, 24)).columns,
        verbosity=verbosity, is_adhoc=folds,
    )


async def _keep_ticking(progress: ProgressReporter) -> None:
    # Nobody listens any more: the bus says so when it detaches the reporter.
    with suppress(OSError):
        await progress.keep_ticking()


def _give_up_if_broken(stream: TextIO) -> None:
    """Keeps Python from failing at its exit because a reader (``| head``) went away."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
