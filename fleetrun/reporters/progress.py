"""Progress: a bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

from typing import Final, TextIO, cast

from tqdm import tqdm

from fleetrun.contracts import Clock
from fleetrun.model.events import AnyEvent, RunFinished
from fleetrun.reporters.escape import clip
from fleetrun.reporters.sink import Out, room_in
from fleetrun.reporters.tally import Tally

#: Without a terminal: seconds between two lines.
LINE_EVERY_S: Final = 10.0

#: On a terminal: seconds between two redraws (four a second read as "live").
DRAW_EVERY_S: Final = 0.25

#: `unit` is the one free field that tqdm shows as it is.
_FORMAT: Final = "{desc} {n_fmt}/{total_fmt} |{bar:12}| {unit}"


class _Bar(tqdm):  # type: ignore[type-arg]  # it iterates over nothing
    #: No thread of tqdm's own: `tick` redraws.
    monitor_interval = 0


class ProgressReporter:
    """Shows how far the run is, on stderr.

    Redraws when events come, and when `tick` is called; `keep_ticking` does so
    once a second while devices are silent. Other reporters write through
    `above`, so that their lines do not tear the bar. `width` None follows the
    terminal's width.
    """

    def __init__(
        self, *, stderr: Out, clock: Clock, is_terminal: bool,
        width: int | None = None, colour: bool = False,
    ) -> None:
        self._stderr = stderr
        self._clock = clock
        self._is_terminal = is_terminal
        self._width = width
        self._colour = "green" if colour else None
        self._tally = Tally()
        self._bar: _Bar | None = None
        self._began_at = self._shown_at = clock.monotonic()
        self._is_over = False

    async def handle(self, event: AnyEvent) -> None:
        """Counts one event and shows the progress when it is time."""
        now = self._clock.monotonic()
        is_new = self._tally.take(event, now)
        if isinstance(event, RunFinished):
            self._end()
            return
        if is_new and self._is_terminal:
            self._draw(now)
        else:
            self.tick()
        await room_in(self._stderr)

    def tick(self) -> None:
        """Shows the progress again when the last time is long enough ago."""
        now = self._clock.monotonic()
        every = DRAW_EVERY_S if self._is_terminal else LINE_EVERY_S
        if self._is_over or now - self._shown_at < every:
            return
        if self._is_terminal:
            self._draw(now)
        else:
            self._line(now)

    async def keep_ticking(self) -> None:
        """Ticks once a second until it is cancelled."""
        while True:
            await self._clock.sleep(1.0)
            self.tick()

    async def close(self) -> None:
        """Takes the bar away."""
        self._end()
        self._stderr.flush()

    def above(self, out: Out) -> Out:
        """Returns a stream whose lines appear above the bar."""
        return _Above(self, out) if self._is_terminal else out

    def write_above(self, out: Out, text: str) -> None:
        """Writes text where the bar stands, and the bar below it."""
        if self._bar is not None:
            self._bar.clear()
        out.write(text)
        if self._bar is not None:
            self._bar.refresh()

    def _draw(self, now: float) -> None:
        self._shown_at = now
        tally = self._tally
        if self._bar is None:
            if not tally.total:
                return
            self._bar = self._new_bar()
        self._bar.total = tally.total
        self._bar.n = min(tally.done, tally.total)
        self._bar.desc = clip(tally.name, 24)
        self._bar.unit = " · ".join(
            filter(None, (tally.counts(), tally.pace(now), tally.slowest(now)))
        )
        self._bar.refresh()

    def _new_bar(self) -> _Bar:
        return _Bar(
            desc=clip(self._tally.name, 24), total=self._tally.total, unit="",
            file=cast("TextIO", self._stderr), ncols=self._width,
            dynamic_ncols=self._width is None, bar_format=_FORMAT, leave=False,
            mininterval=0, miniters=1, colour=self._colour,
        )

    def _line(self, now: float) -> None:
        self._shown_at = now
        tally = self._tally
        if not tally.total:
            return
        whole = int(now - self._began_at)
        parts = (
            f"[{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}] {tally.name} "
            f"{tally.done:,}/{tally.total:,}",
            tally.counts(), tally.pace(now), tally.slowest(now),
        )
        self._stderr.write(" · ".join(filter(None, parts)) + "\n")

    def _end(self) -> None:
        self._is_over = True
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Above:
    def __init__(self, progress: ProgressReporter, out: Out) -> None:
        self._progress = progress
        self._out = out

    def write(self, text: str, /) -> object:
        self._progress.write_above(self._out, text)
        return len(text)

    def flush(self) -> object:
        return self._out.flush()
