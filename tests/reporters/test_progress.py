"""The bar and the lines."""

from __future__ import annotations

import asyncio
import io

from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    DeviceStarted,
    PlayStarted,
    RunFinished,
    StageStarted,
)
from fleetrun.model.result import Outcome
from fleetrun.reporters.palette import wants_colour
from fleetrun.reporters.progress import ProgressReporter
from fleetrun.testing.factories import make_event


class StoppedClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


def canary(start: int, end: int) -> list[AnyEvent]:
    names = [f"gw-{number}" for number in range(start, end)]
    return [make_event(DeviceStarted, device=name) for name in names]


def show(*, is_terminal: bool, colour: bool = False, ticks: int = 0) -> str:
    clock, err = StoppedClock(), io.StringIO()

    async def main() -> None:
        progress = ProgressReporter(
            stderr=err, clock=clock, is_terminal=is_terminal, width=120, colour=colour
        )
        await progress.handle(make_event(PlayStarted, name="update", device_count=50))
        await progress.handle(make_event(StageStarted, name="canary", device_count=8))
        for event in canary(0, 8):
            clock.seconds += 1
            await progress.handle(event)
        for name, outcome in (("gw-0", Outcome.OK), ("gw-2", Outcome.FAILED)):
            clock.seconds += 1
            await progress.handle(make_event(DeviceFinished, device=name, outcome=outcome))
        progress.above(err).write("a line\n")
        for _ in range(ticks):
            clock.seconds += 1
            progress.tick()
        await progress.handle(make_event(RunFinished))
        progress.tick()
        await progress.close()

    asyncio.run(main())
    return err.getvalue()


def test_prints_a_line_every_ten_seconds_without_a_terminal() -> None:
    """One line per ten seconds, also while no event comes; no control bytes."""
    assert show(is_terminal=False, ticks=12).splitlines() == [
        "[00:00:10] canary 2/8 · ok 1 · changed 0 · failed 1 · unreachable 0 · 0.2/s · ETA 30 s"
        " · slowest gw-1 8.0 s, gw-3 6.0 s, gw-4 5.0 s",
        "a line",
        "[00:00:20] canary 2/8 · ok 1 · changed 0 · failed 1 · unreachable 0 · 0.1/s · ETA 1m 00s"
        " · slowest gw-1 18 s, gw-3 16 s, gw-4 15 s",
    ]


def test_draws_a_bar_on_a_terminal() -> None:
    """Stage, done, counts, rate, ETA and the slowest; a line stands above it."""
    shown = show(is_terminal=True)
    last = [frame for frame in shown.split("\r") if "canary" in frame][-1]
    assert last.strip() == (
        "canary 2/8 |###         | ok 1 · changed 0 · failed 1 · unreachable 0 · 0.2/s · ETA 30 s"
        " · slowest gw-1 8.0 s, gw-3 6.0"
    )
    assert "\ra line\n" in shown
    assert shown.endswith("\r")


def test_draws_no_more_than_four_times_a_second() -> None:
    """A thousand events at one instant are one drawing."""
    clock, err = StoppedClock(), io.StringIO()

    async def main() -> None:
        progress = ProgressReporter(stderr=err, clock=clock, is_terminal=True, width=80)
        await progress.handle(make_event(PlayStarted, name="update", device_count=1000))
        before = len(err.getvalue())
        for event in canary(0, 1000):
            await progress.handle(event)
        assert len(err.getvalue()) == before
        await progress.close()

    asyncio.run(main())


def test_uses_colour_only_when_told() -> None:
    """No escape sequence without colour."""
    assert "\x1b[3" not in show(is_terminal=True)
    assert "\x1b[3" in show(is_terminal=True, colour=True)


def test_follows_the_conventions_for_colour() -> None:
    """NO_COLOR wins, CLICOLOR_FORCE beats a pipe, a dumb terminal has none."""
    assert wants_colour(is_terminal=True, environ={})
    assert not wants_colour(is_terminal=True, environ={"NO_COLOR": "1", "CLICOLOR_FORCE": "1"})
    assert wants_colour(is_terminal=True, environ={"NO_COLOR": ""})
    assert wants_colour(is_terminal=False, environ={"CLICOLOR_FORCE": "1"})
    assert not wants_colour(is_terminal=True, environ={"TERM": "dumb"})
    assert not wants_colour(is_terminal=False, environ={})


def test_ticks_while_devices_are_silent() -> None:
    """keep_ticking shows lines without any event."""
    clock, err = StoppedClock(), io.StringIO()

    async def main() -> None:
        progress = ProgressReporter(stderr=err, clock=clock, is_terminal=False)
        await progress.handle(make_event(PlayStarted, name="update", device_count=3))
        ticking = asyncio.ensure_future(progress.keep_ticking())
        for _ in range(26):
            await asyncio.sleep(0)
        ticking.cancel()

    asyncio.run(main())
    assert len(err.getvalue().splitlines()) == 2
