"""``--output ansible``: a run as Ansible's default callback prints it, on stdout.

Eyes and scripts that know those lines go on working: PLAY, TASK, ok, changed,
skipping, fatal, the JSON behind them and the recap. The lines come grouped by
task (see `ansible_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fleetrun.model.events import (
    AnyEvent,
    DeviceFinished,
    Notice,
    PlayFinished,
    PlayStarted,
    RunFinished,
    RunHalted,
    StageStarted,
    TaskFinished,
    TaskRetried,
    TasksIntended,
)
from fleetrun.model.redact import censor
from fleetrun.model.result import Outcome, Recap, TaskStatus
from fleetrun.reporters.ansible_diff import diff_lines
from fleetrun.reporters.ansible_errors import ErrorBlocks
from fleetrun.reporters.ansible_lines import Item, dump, items_of, result_lines
from fleetrun.reporters.ansible_order import Shown, TaskOrder
from fleetrun.reporters.ansible_paint import Paint, banner
from fleetrun.reporters.ansible_recap import recap_line
from fleetrun.reporters.escape import escape_line
from fleetrun.reporters.sink import Out, room_in
from fleetrun.reporters.summary import add_recaps

_FAILED: Final = {TaskStatus.FAILED, TaskStatus.UNKNOWN}


class AnsibleReporter:
    """Shows a run in Ansible's default format; warnings go to stderr.

    `verbosity` as Ansible's -v: 1 adds the results, 2 the places of tasks, 3
    shows results over several lines. `intro` is shown first (the config file).
    """

    def __init__(
        self, *, stdout: Out, stderr: Out, colour: bool = False, verbosity: int = 0,
        intro: Iterable[str] = (), hold_lines: int | None = None,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._paint = Paint(colour=colour)
        self._verbosity = verbosity
        self._hold = {} if hold_lines is None else {"hold_lines": hold_lines}
        self._errors = ErrorBlocks()
        self._order = TaskOrder(0)
        self._play = PlayStarted(at=0.0, play=0, name="", device_count=0)
        self._recaps: dict[str, Recap] = {}
        self._intro = tuple(intro)
        self._names: dict[tuple[str, str], str] = {}
        self._show: Mapping[str, Callable[[Any], None]] = {
            PlayStarted.type: self._play_started,
            StageStarted.type: self._stage_started,
            TasksIntended.type: self._intended,
            TaskRetried.type: self._retried,
            TaskFinished.type: self._task_finished,
            DeviceFinished.type: self._device_finished,
            PlayFinished.type: self._play_finished,
            RunHalted.type: self._halted,
            RunFinished.type: self._run_finished,
            Notice.type: self._notice,
        }

    async def handle(self, event: AnyEvent) -> None:
        """Shows one event; raises OSError when the output is gone."""
        if self._intro:
            self._give(self._intro)
            self._intro = ()
        show = self._show.get(event.type)
        if show is not None:
            show(censor(event))
            await room_in(self._stdout)

    async def close(self) -> None:
        """Shows what is still held of a broken-off run, then flushes."""
        self._put(self._order.rest())
        self._stdout.flush()
        self._stderr.flush()

    # -- plays ------------------------------------------------------------------

    def _play_started(self, event: PlayStarted) -> None:
        self._put(self._order.rest())
        self._play = event
        if event.device_count == 0:
            self._begin(0)
            self._give(self._paint.lines("skipping: no hosts matched", "skip"))

    def _stage_started(self, event: StageStarted) -> None:
        """A batch of `serial` is a play of its own in Ansible's eyes, too."""
        self._put(self._order.rest())
        self._begin(event.device_count)

    def _begin(self, device_count: int) -> None:
        self._order = TaskOrder(device_count, **self._hold)
        self._names.clear()
        self._give([banner(f"PLAY [{escape_line(self._play.name)}]")])

    def _play_finished(self, _event: PlayFinished) -> None:
        self._put(self._order.rest())

    def _halted(self, event: RunHalted) -> None:
        self._put(self._order.rest())
        # Ansible says it of shares of failures, not of any_errors_fatal.
        if event.cause != "operator" and "any_errors_fatal" not in event.reason:
            self._give([banner("NO MORE HOSTS LEFT")])
        self._tell(f"[ERROR]: halted by {event.cause}: {event.reason}", "error")

    # -- tasks ------------------------------------------------------------------

    def _intended(self, event: TasksIntended) -> None:
        if not event.keys:
            return
        key = event.keys[0]
        task = key.partition("#")[0].partition("[")[0]
        if "handlers" in task.split("."):
            task = task.partition("~")[0]
        name = event.names[0] if event.names else task
        path = event.paths[0] if event.paths else ""
        place = self._order.place(event.device, task)
        header = self._header(event.device, task, name, path)
        self._put(self._order.arrives(event.device, place, header))

    def _header(self, device: str, task: str, name: str, path: str) -> str:
        del device
        kind = "RUNNING HANDLER" if "handlers" in task.split(".") else "TASK"
        text = banner(f"{kind} [{escape_line(name)}]")
        if self._verbosity >= 2 and path:
            text += f"\ntask path: {path.rpartition(':')[0]}"
        return text

    def _retried(self, event: TaskRetried) -> None:
        name = escape_line(event.name)
        line = (
            f"FAILED - RETRYING: [{escape_line(event.device)}]: {name} "
            f"({event.retries_left} retries left)."
        )
        place = self._order.place(event.device, event.task)
        header = self._header(event.device, event.task, event.name, event.path)
        self._put(self._order.reports(
            event.device, place, header, [self._paint.text(line, "retry")], is_over=False,
        ))

    def _task_finished(self, event: TaskFinished) -> None:
        name = event.name or event.module
        place = self._order.place(event.device, event.task)
        header = self._header(event.device, event.task, name, event.path)
        shared = self._included(event)
        if shared:
            shown = self._order.shares(event.device, place, header, shared)
        else:
            shown = self._order.reports(event.device, place, header, self._lines(event))
        self._put(shown)

    def _included(self, event: TaskFinished) -> list[str]:
        """Returns "included: FILE for %s" for every file that an include took in."""
        whole = [Item(status=event.result.status, values=event.result.values)]
        found = []
        for item in items_of(event) or whole:
            file = item.values.get("include")
            if item.status != TaskStatus.OK or not isinstance(file, str):
                continue
            path = Path(event.path.rsplit(":", 2)[0]).parent / file
            label = "" if item.label is None else f" => (item={item.label})"
            text = f"included: {path.absolute()} for %s{label}".replace("%", "%%")
            found.append(self._paint.text(text.replace("%%s", "%s", 1), "skip"))
        return found

    def _lines(self, event: TaskFinished) -> list[str]:
        result = event.result
        whole = Item(status=result.status, values=result.values)
        items = items_of(event)
        lines: list[str] = []
        for item in items or ([] if event.item_statuses else [whole]):
            lines += self._one(event, item)
        if event.item_statuses and result.status is TaskStatus.SKIPPED:
            lines += result_lines(event, whole, self._paint, self._verbosity)
        if result.ignored:
            lines += self._paint.lines("...ignoring", "skip")
        return lines

    def _one(self, event: TaskFinished, item: Item) -> list[str]:
        lines = diff_lines(item.values, self._paint) if item.status == TaskStatus.CHANGED else []
        if item.status in _FAILED:
            for text in self._errors.of(event, item):
                lines += self._paint.lines(text, "error")
        return lines + result_lines(event, item, self._paint, self._verbosity)

    # -- devices and the end --------------------------------------------------------

    def _device_finished(self, event: DeviceFinished) -> None:
        recap = event.recap
        is_gone = event.outcome is Outcome.UNREACHABLE
        is_lost = event.outcome is Outcome.UNKNOWN and not recap.failed
        if is_gone:
            recap = add_recaps(recap, Recap(unreachable=1))
        elif is_lost:
            recap = add_recaps(recap, Recap(failed=1))
        if event.outcome not in {Outcome.SKIPPED, Outcome.CANCELLED, Outcome.PENDING}:
            before = self._recaps.get(event.device, Recap())
            self._recaps[event.device] = add_recaps(before, recap)
        place = self._order.is_at(event.device)
        if is_gone or is_lost:
            lines = self._lost(event, "UNREACHABLE" if is_gone else "FAILED")
            if place is None:
                self._give(lines)
            else:
                self._put(self._order.reports(event.device, place, "", lines))
        self._put(self._order.ends(event.device))

    def _lost(self, event: DeviceFinished, word: str) -> list[str]:
        values: dict[str, Any] = {"changed": False, "msg": event.reason or event.error_kind}
        if word == "UNREACHABLE":
            values["unreachable"] = True
        text = f"fatal: [{escape_line(event.device)}]: {word}! => "
        text += dump(values, verbosity=self._verbosity)
        return self._paint.lines(text, "unreachable" if word == "UNREACHABLE" else "error")

    def _run_finished(self, event: RunFinished) -> None:
        self._put(self._order.rest())
        lines = [banner("PLAY RECAP")]
        lines += [
            recap_line(escape_line(device), recap, self._paint)
            for device, recap in sorted(self._recaps.items())
        ]
        self._give([*lines, ""])
        for command in event.next_commands:
            self._stderr.write(f"next: {escape_line(command)}\n")

    def _notice(self, event: Notice) -> None:
        device = f"{event.device}: " if event.device else ""
        level = "WARNING" if event.level == "warning" else "NOTE"
        self._tell(f"[{level}]: {device}{event.message}", "warning")

    # -- output -------------------------------------------------------------------

    def _put(self, shown: Iterable[Shown]) -> None:
        for header, lines in shown:
            if header:
                self._give([header])
            self._give(lines)

    def _give(self, lines: Iterable[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self._stdout.write(text)

    def _tell(self, text: str, colour: str) -> None:
        self._stderr.write(self._paint.text(escape_line(text), colour) + "\n")
