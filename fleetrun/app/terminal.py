"""Puts a run's reporters together: results to stdout, narration to stderr."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from fleetrun import __version__
from fleetrun.contracts import Clock, Reporter
from fleetrun.reporters import palette
from fleetrun.reporters.ansible import AnsibleReporter
from fleetrun.reporters.ansible_adhoc import AnsibleAdhocReporter
from fleetrun.reporters.jsonl import JsonlReporter
from fleetrun.reporters.progress import ProgressReporter
from fleetrun.reporters.sink import Out, OutputThread
from fleetrun.reporters.text import TextReporter
from fleetrun.reporters.tree import TreeReporter


def wants_colour(stream: TextIO) -> bool:
    """True when `stream` may be coloured: a terminal, and the environment allows it."""
    return palette.wants_colour(is_terminal=stream.isatty(), environ=os.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a run is shown."""

    #: text, json, ansible, minimal or oneline.
    output: str = "text"
    verbosity: int = 0
    #: Ad hoc: fold identical output on stdout.
    folds: bool = False
    #: Lines that Ansible's output begins with.
    intro: tuple[str, ...] = ()
    #: Folder for each device's result as JSON, or "".
    tree: str = ""


@asynccontextmanager
async def live_reporters(look: Look, *, clock: Clock) -> AsyncIterator[list[Reporter]]:
    """Gives the reporters of a run; on exit all that they said is written.

    They write from a thread, so a stopped pager or terminal stalls no device,
    and the progress moves while devices are silent.
    """
    thread = OutputThread()
    stdout, stderr = thread.wrap(sys.stdout), thread.wrap(sys.stderr)
    progress = ProgressReporter(
        stderr=stderr, clock=clock, is_terminal=sys.stderr.isatty(),
        colour=wants_colour(sys.stderr),
    )
    more: list[Reporter] = [TreeReporter(Path(look.tree))] if look.tree else []
    ticking = asyncio.create_task(_keep_ticking(progress))
    try:
        if look.output == "json":
            yield [_results(stdout, stdout, look), progress, *more]
        else:
            above = (progress.above(stdout), progress.above(stderr))
            yield [_results(*above, look), progress, *more]
    finally:
        ticking.cancel()
        await asyncio.wait({ticking})
        await thread.close()
        for stream in (sys.stdout, sys.stderr):
            _give_up_if_broken(stream)


def replay_reporters(look: Look) -> list[Reporter]:
    """Returns the reporters of a run that is over: there is no progress to show."""
    return [_results(sys.stdout, sys.stderr, look)]


def _results(stdout: Out, stderr: Out, look: Look) -> Reporter:
    if look.output == "json":
        return JsonlReporter(stdout=stdout, version=__version__)
    colour = wants_colour(sys.stdout)
    if look.output in {"minimal", "oneline"} or (look.output == "ansible" and look.folds):
        return AnsibleAdhocReporter(
            stdout=stdout, stderr=stderr, colour=colour, is_oneline=look.output == "oneline",
            verbosity=look.verbosity,
        )
    if look.output == "ansible":
        return AnsibleReporter(
            stdout=stdout, stderr=stderr, colour=colour, verbosity=look.verbosity,
            intro=look.intro,
        )
    return TextReporter(
        stdout=stdout, stderr=stderr, colour=wants_colour(sys.stderr),
        width=shutil.get_terminal_size((100, 24)).columns,
        verbosity=look.verbosity, is_adhoc=look.folds,
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
