"""The run as text: failures as they happen, all the rest folded at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    Notice,
    PlayFinished,
    PlayStarted,
    RolloutContinued,
    RolloutPaused,
    RunFinished,
    RunHalted,
    RunResumed,
    RunStarted,
    StageChecked,
    StageFinished,
    StageReleased,
    StageSoaking,
    StageStarted,
    StageWaiting,
    TaskFinished,
)
from fleetrun.model.redact import censor
from fleetrun.model.result import Outcome, Recap, TaskStatus
from fleetrun.reporters.escape import escape_line
from fleetrun.reporters.failures import FailureBook, describe, likeness
from fleetrun.reporters.folding import count_devices, fold, show_folds
from fleetrun.reporters.palette import GLYPHS, Palette
from fleetrun.reporters.sink import Out, room_in
from fleetrun.reporters.steering import Steered, steering_line
from fleetrun.reporters.summary import (
    add_recaps,
    cluster_lines,
    headline,
    next_command,
    outcome_counts,
    recap_lines,
    stats_lines,
)
from fleetrun.reporters.tasklines import (
    command_output,
    debug_text,
    diff_lines,
    result_json,
    task_line,
)

#: A fleet up to this size is shown device by device.
FEW_DEVICES: Final = 20

#: Equal failures shown as they happen; later ones are counted at the end.
LIVE_FAILURES: Final = 5


class TextReporter:
    """Shows a run to a person; results on stdout, narration on stderr.

    `verbosity` 1 adds a line for each ok, changed and skipped task and the
    recap, 2 adds the results. `is_adhoc` folds the output of one command over
    all devices, which is then the only thing on stdout.
    """

    def __init__(
        self, *, stdout: Out, stderr: Out, width: int = 100, colour: bool = False,
        verbosity: int = 0, is_adhoc: bool = False,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._width = width
        self._palette = Palette(colour=colour)
        self._verbosity = verbosity
        self._is_adhoc = is_adhoc
        self._device_count = 0
        self._run = "RUN"
        #: A play of one stage is not told in stages.
        self._has_stages = False
        self._failures = FailureBook()
        self._live: Counter[tuple[str, str, str]] = Counter()
        self._recaps: dict[str, Recap] = {}
        #: Ad-hoc: device -> output. Debug: (task, name) -> device and text.
        self._outputs: dict[str, str] = {}
        self._debugs: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._show: Mapping[str, Callable[[Any], None]] = {
            RunStarted.type: self._run_started,
            RunResumed.type: self._run_resumed,
            PlayStarted.type: self._play_started,
            StageStarted.type: self._stage_started,
            StageFinished.type: self._stage_finished,
            StageSoaking.type: self._steered,
            StageWaiting.type: self._steered,
            StageChecked.type: self._steered,
            StageReleased.type: self._steered,
            RolloutPaused.type: self._steered,
            RolloutContinued.type: self._steered,
            TaskFinished.type: self._task_finished,
            DeviceFinished.type: self._device_finished,
            PlayFinished.type: self._play_finished,
            RunHalted.type: self._run_halted,
            RunFinished.type: self._run_finished,
            Notice.type: self._notice,
        }

    async def handle(self, event: AnyEvent) -> None:
        """Shows one event; raises OSError when the output is gone."""
        show = self._show.get(event.type)
        if show is not None:
            show(censor(event))
            await room_in(self._stdout)
            await room_in(self._stderr)

    async def close(self) -> None:
        """Shows outputs that a broken-off run left, then flushes."""
        self._show_outputs()
        self._stdout.flush()
        self._stderr.flush()

    def _say(self, *lines: str) -> None:
        """Writes narration."""
        self._stderr.write("".join(f"{line}\n" for line in lines))

    def _give(self, *lines: str) -> None:
        """Writes results."""
        self._stdout.write("".join(f"{line}\n" for line in lines))

    @property
    def _is_small(self) -> bool:
        return self._verbosity > 0 or self._device_count <= FEW_DEVICES

    def _run_started(self, event: RunStarted) -> None:
        self._run = event.run
        self._device_count = len(event.devices)
        if self._is_adhoc and self._verbosity == 0:
            return
        check = " · check mode, nothing is changed" if event.check else ""
        self._say(
            f"run {escape_line(event.run)} · {escape_line(event.title)} · "
            f"{count_devices(len(event.devices))}{check}"
        )

    def _steered(self, event: Steered) -> None:
        self._say(steering_line(event, self._run, self._palette))

    def _run_resumed(self, event: RunResumed) -> None:
        self._run = event.run
        self._say(f"run {escape_line(event.run)} · resumed (epoch {event.epoch})")

    def _play_started(self, event: PlayStarted) -> None:
        self._has_stages = len(event.stages) > 1
        if self._is_adhoc:
            return
        names = ", ".join(map(escape_line, event.stages))
        stages = f" · stages {names}" if self._has_stages else ""
        title = self._palette.paint(f"play {escape_line(event.name)}", "strong")
        self._say(f"{title} · {count_devices(event.device_count)}{stages}")

    def _stage_started(self, event: StageStarted) -> None:
        if self._has_stages:
            self._say(f"stage {escape_line(event.name)} · {count_devices(event.device_count)}")

    def _stage_finished(self, event: StageFinished) -> None:
        if event.passed and not self._has_stages:
            return
        sign, colour, words = (
            ("✓", "good", "passed") if event.passed else ("✗", "bad", "gate closed")
        )
        reason = f" · {escape_line(event.reason)}" if event.reason else ""
        name = escape_line(event.name)
        self._say(f"{self._palette.paint(sign, colour)} stage {name} · {words}{reason}")

    def _task_finished(self, event: TaskFinished) -> None:
        result = event.result
        if result.is_failed and not result.ignored:
            self._failures.task_failed(event)
        if self._is_adhoc:
            self._outputs[event.device] = command_output(result)
        elif self._is_shown(event):
            self._say(task_line(event, self._palette))
            if self._verbosity >= 2:
                self._say(result_json(result))
        if event.module == "debug" and result.status is TaskStatus.OK:
            self._debug(event)
        lines = diff_lines(result, self._palette)
        if lines:
            self._give(f"{escape_line(event.device)} · {escape_line(event.name)}", *lines)

    def _is_shown(self, event: TaskFinished) -> bool:
        if self._verbosity > 0:
            return True
        if not event.result.is_failed or event.result.ignored:
            return False
        return self._is_live("task", event.task, event.device, describe(event.result))

    def _is_live(self, what: str, name: str, device: str, message: str) -> bool:
        """True for the first few failures that are alike."""
        kind = (what, name, likeness(message, device))
        self._live[kind] += 1
        if self._live[kind] == LIVE_FAILURES + 1:
            self._say("  … more like this one are counted at the end")
        return self._live[kind] <= LIVE_FAILURES

    def _debug(self, event: TaskFinished) -> None:
        text = debug_text(event.result)
        if self._is_adhoc:
            return
        if self._is_small:
            self._give(f"{escape_line(event.device)}: {text}")
        else:
            self._debugs.setdefault((event.task, event.name), []).append((event.device, text))

    def _device_finished(self, event: DeviceFinished) -> None:
        cluster = self._failures.device_finished(event)
        if self._is_small:
            before = self._recaps.get(event.device, Recap())
            self._recaps[event.device] = add_recaps(before, event.recap)
        if cluster is None or cluster.task or self._is_adhoc:
            return
        reason = escape_line(event.reason or event.error_kind)
        name = event.outcome.value
        if self._verbosity > 0 or self._is_live("device", name, event.device, reason):
            sign = self._palette.paint(GLYPHS[name], name)
            self._say(f"{sign} {escape_line(event.device)} · {name} · {reason}")

    def _play_finished(self, _event: PlayFinished) -> None:
        self._show_outputs()

    def _run_halted(self, event: RunHalted) -> None:
        word = self._palette.paint("halted", "bad")
        self._say(f"{word} by {escape_line(event.cause)} · {escape_line(event.reason)}")

    def _notice(self, event: Notice) -> None:
        word = self._palette.paint(event.level, "warning") if event.level == "warning" else "note"
        device = f"{escape_line(event.device)} · " if event.device else ""
        self._say(f"{word}: {device}{escape_line(event.message)}")

    def _show_outputs(self) -> None:
        """Folds what devices printed; each output is shown once."""
        if self._outputs:
            self._give(show_folds(fold(self._outputs.items()), width=self._width))
            self._outputs.clear()
        for (_task, name), texts in self._debugs.items():
            self._give(f"{escape_line(name)}:", show_folds(fold(texts), width=self._width))
        self._debugs.clear()

    def _run_finished(self, event: RunFinished) -> None:
        self._show_outputs()
        lines = self._summary(event)
        if self._is_adhoc:
            is_quiet = event.exit_code == 0 and self._verbosity == 0
            self._say(*([] if is_quiet else lines))
        else:
            self._give(*lines)

    def _summary(self, event: RunFinished) -> list[str]:
        clusters = self._failures.clusters()
        told = {next_command(cluster, event.run) for cluster in clusters}
        rest = [command for command in event.next_commands if command not in told]
        lines = cluster_lines(clusters, event.run, width=self._width, palette=self._palette)
        if self._is_small and not self._is_adhoc:
            lines += recap_lines(self._recaps, event.outcomes, self._palette)
        return [
            "",
            *lines,
            *stats_lines(event),
            headline(event, self._palette),
            outcome_counts(map(Outcome, event.outcomes.values()), self._palette),
            *(f"next: {escape_line(command)}" for command in rest),
        ]
