"""Puts a run's reporters together: results to stdout, narration to stderr."""

from __future__ import annotations

import shutil
import sys

from fleetrun import __version__
from fleetrun.cli.options import wants_colour
from fleetrun.contracts import Clock, Reporter
from fleetrun.reporters.jsonl import JsonlReporter
from fleetrun.reporters.progress import ProgressReporter
from fleetrun.reporters.text import TextReporter


def build_reporters(
    *, output: str, verbosity: int, folds: bool, clock: Clock, is_replay: bool = False
) -> list[Reporter]:
    """Returns the reporters of a run; `folds` is for ad-hoc commands.

    A replay (``runs show``) has no progress to show.
    """
    is_terminal = sys.stderr.isatty()
    colour = wants_colour(sys.stderr)
    progress = ProgressReporter(
        stderr=sys.stderr, clock=clock, is_terminal=is_terminal, colour=colour
    )
    above = not is_replay and output == "text"
    shown: list[Reporter] = [] if is_replay else [progress]
    if output == "json":
        return [JsonlReporter(stdout=sys.stdout, version=__version__), *shown]
    text = TextReporter(
        stdout=progress.above(sys.stdout) if above else sys.stdout,
        stderr=progress.above(sys.stderr) if above else sys.stderr,
        width=shutil.get_terminal_size((100, 24)).columns, colour=colour,
        verbosity=verbosity, is_adhoc=folds,
    )
    return [text, *shown]
