"""Results that the journal did not keep, because their task is ``no_log``. Pure.

After a resume only the status of such a result is known. Whoever needs more of
it is told so: a value that is silently missing would decide conditions wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from typing_extensions import override

from fleetrun.errors import TemplateError
from fleetrun.model.redact import CENSORED
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.model.values import Value, Vars
from fleetrun.planning.scope import LiveMapping

#: Kind of the error that a lookup raises.
HIDDEN = "template/hidden"


class HiddenValues(LiveMapping):
    """What is left of a result; any other name raises TemplateError."""

    __slots__ = ("_known",)

    def __init__(self, known: Vars) -> None:
        self._known = known

    @override
    def __getitem__(self, name: str) -> Value:
        if name in self._known:
            return self._known[name]
        raise TemplateError(
            f"`{name}` of this result is not known any more: its task is no_log, "
            "and the run was resumed since",
            kind=HIDDEN, hint="start a new run, or take no_log off the task",
        )

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    @override
    def __len__(self) -> int:
        return len(self._known)


def restored(answer: TaskResult) -> TaskResult:
    """Returns a journalled answer; one that was censored guards its lost values."""
    if dict(answer.values) != CENSORED:
        return answer
    known: dict[str, Value] = {
        **CENSORED, "msg": CENSORED["censored"],
        "changed": answer.status is TaskStatus.CHANGED, "failed": answer.is_failed,
        "skipped": answer.status is TaskStatus.SKIPPED, "unreachable": False,
    }
    return replace(answer, values=HiddenValues(known))


def like(model: Vars, values: Vars) -> Vars:
    """Returns `values`, guarded when `model` is."""
    if isinstance(model, HiddenValues) and not isinstance(values, HiddenValues):
        return HiddenValues(values)
    return values


def plain(result: TaskResult) -> TaskResult:
    """Returns a result whose values anybody may look through."""
    values = _plain(result.values)
    return result if values is result.values else replace(result, values=values)


def _plain(values: Vars) -> Vars:
    if isinstance(values, HiddenValues):
        return dict(values)
    items = values.get("results")
    if isinstance(items, list) and any(isinstance(item, HiddenValues) for item in items):
        return {**values, "results": [
            _plain(item) if isinstance(item, Mapping) else item for item in items
        ]}
    return values
