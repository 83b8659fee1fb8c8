"""What ``set_stats`` gathers over a run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetrun.model.values import Value

_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """What one task set on one device."""

    play: int
    task: str
    device: str
    data: Mapping[str, Value]
    per_host: bool = False
    aggregate: bool = True


def from_result(play: int, task: str, device: str, values: Mapping[str, Value]) -> list[Stat]:
    """Returns what a task's result, or those of its items, say."""
    found = []
    results = values.get("results")
    for one in [values, *(results if isinstance(results, list | tuple) else ())]:
        said = one.get("ansible_stats") if isinstance(one, Mapping) else None
        data = said.get("data") if isinstance(said, Mapping) else None
        if isinstance(said, Mapping) and isinstance(data, Mapping):
            found.append(Stat(
                play=play, task=task, device=device, data=data,
                per_host=said.get("per_host") is True,
                aggregate=said.get("aggregate") is not False,
            ))
    return found


def gather(stats: Iterable[Stat]) -> dict[str, Value]:
    """Returns {"run": names and values, "per_host": {device: names and values}}.

    In the order of the plays, their tasks and the devices' names, so that it
    does not depend on which device was faster; {} when nothing was set.
    """
    run: dict[str, Value] = {}
    per_host: dict[str, dict[str, Value]] = {}
    for stat in sorted(stats, key=_order):
        target = per_host.setdefault(stat.device, {}) if stat.per_host else run
        for name, value in stat.data.items():
            is_new = name not in target or not stat.aggregate
            target[name] = value if is_new else _joined(target[name], value)
    return {**({"run": run} if run else {}), **({"per_host": per_host} if per_host else {})}


def _order(stat: Stat) -> tuple[int, list[int], str, str]:
    return (stat.play, [int(n) for n in _NUMBERS.findall(stat.task)], stat.task, stat.device)


def _joined(old: Value, new: Value) -> Value:
    """Mappings are merged, lists, texts and numbers added; other kinds stay as they were."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {
            **old,
            **{name: _joined(old[name], new[name]) if _both_map(old, new, name) else new[name]
               for name in new},
        }
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return [*old, *new]
    if isinstance(old, str) and isinstance(new, str):
        return old + new
    if isinstance(old, int | float) and isinstance(new, int | float):
        return old + new
    return old


def _both_map(old: Mapping[str, Value], new: Mapping[str, Value], name: str) -> bool:
    return isinstance(old.get(name), Mapping) and isinstance(new[name], Mapping)
