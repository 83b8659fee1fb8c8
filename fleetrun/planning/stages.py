"""The order of the devices and their cut into stages or batches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Final

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.model.rollout import Gate, RolloutSpec, Sample, Size, SizeUnit, StagePlan, StageSpec
from fleetrun.planning.graph import ValueOf, Waves, no_value

#: Name of the only stage of a play without stages.
WHOLE: Final = "all"
#: Name of the stage that is added when the stages do not reach all devices.
REST: Final = "rest"
#: Success that a stage asks for before the next one starts, unless it says else.
DEFAULT_SUCCESS_PCT: Final = 100.0


def _by_hash(selection: Sequence[str], salt: str) -> list[str]:
    def digest(device: str) -> bytes:
        return hashlib.sha256(f"{salt}/{device}".encode("utf-8", "surrogateescape")).digest()

    return sorted(selection, key=digest)


_ORDERS: Final[Mapping[str, Callable[[Sequence[str], str], list[str]]]] = {
    "stable": _by_hash,
    "inventory": lambda selection, _: list(selection),
    "reverse_inventory": lambda selection, _: list(reversed(selection)),
    "sorted": lambda selection, _: sorted(selection),
    "reverse_sorted": lambda selection, _: sorted(selection, reverse=True),
    # Another salt than `stable`, so that both in one run do not pick the same canaries.
    "shuffle": lambda selection, seed: _by_hash(selection, f"shuffle/{seed}"),
}


def order_devices(
    selection: Sequence[str], order: str, *, seed: str, mark: Mark | None = None
) -> tuple[str, ...]:
    """Returns `selection` in the order in which stages pick and start devices.

    `stable` sorts by the SHA-256 of seed, "/" and device name, so each worker
    and each resumed run finds the same order; `shuffle` is seeded alike.

    Raises:
        InputError: ``input/unknown-order``.
    """
    if order not in _ORDERS:
        close = get_close_matches(order, _ORDERS, n=1)
        problem = Problem(
            kind="input/unknown-order",
            message=f"unknown order: {order}",
            mark=mark,
            label=f"did you mean {close[0]}?" if close else "",
            hint="Use one of the orders below.",
            allowed=tuple(_ORDERS),
        )
        raise InputError([problem])
    return tuple(_ORDERS[order](selection, seed))


def plan_stages(
    spec: RolloutSpec, ordered: Sequence[str], waves: Waves, value_of: ValueOf = no_value
) -> tuple[StagePlan, ...]:
    """Returns the stages of a rollout, or the batches of `serial`.

    Stage sizes are cumulative over `ordered`; a percentage is rounded down,
    to at least 1. The stages are disjoint and together hold every device; a
    stage "rest" is added when the given ones do not reach all. Every stage
    has as many waves as `waves`, in the same order; some may be empty.

    Raises:
        InputError: ``input/bad-size``, ``input/shrinking-stage``,
            ``input/duplicate-stage``, ``input/serial-and-stages``; carries
            every problem found.
    """
    problems = _problems(spec)
    if problems:
        raise InputError(problems)
    if spec.serial:
        return tuple(_batches(spec, ordered, waves))
    return tuple(_stages(spec, ordered, waves, value_of))


def resolve_size(size: Size, total: int) -> int:
    """Number of devices that `size` means among `total`; at most `total`.

    A percentage is rounded down, to at least 1 (Ansible's rule for `serial`).
    """
    if size.unit is SizeUnit.PERCENT:
        # Through the decimal text, since 0.29 % of 10,000 are 29 and not 28.
        return min(total, max(1, int(total * Fraction(str(size.value)) / 100)))
    return min(total, int(size.value))


def _batches(spec: RolloutSpec, ordered: Sequence[str], waves: Waves) -> Iterator[StagePlan]:
    """Batches of `serial`: sizes are of all devices; the last size repeats."""
    total, start, number = len(ordered), 0, 0
    while start < total or number == 0:
        size = spec.serial[min(number, len(spec.serial) - 1)]
        # Ansible takes 0 and less as "all that are left".
        count = resolve_size(size, total) if size.value > 0 else total
        end = min(total, start + count)
        number += 1
        yield StagePlan(
            name=f"batch {number}",
            waves=_split(ordered[start:end], waves),
            gate=spec.gate,
            shares_gate=True,
            needs_survivor=end < total,
        )
        start = end


def _stages(
    spec: RolloutSpec, ordered: Sequence[str], waves: Waves, value_of: ValueOf
) -> Iterator[StagePlan]:
    total, taken = len(ordered), list[str]()
    # Those that no stage has picked, in order.
    left: Sequence[str] = ordered
    stages = _complete(spec.stages, total)
    for number, stage in enumerate(stages):
        if stage.sample is not None:
            picked = _sampled(stage.sample, taken, left, value_of)
            chosen = frozenset(picked)
            left = tuple(device for device in left if device not in chosen)
        else:
            # A stage that only waits for an approval picks nobody.
            end = 0 if stage.size is None else resolve_size(stage.size, total)
            count = max(0, end - len(taken))
            picked, left = list(left[:count]), left[count:]
        taken += picked
        gate = spec.gate if stage.gate is None else stage.gate
        yield StagePlan(
            name=stage.name or f"stage {number + 1}",
            waves=_split(picked, waves),
            gate=gate if number == len(stages) - 1 else _with_default(gate),
            shares_gate=stage.gate is None,
            soak_s=stage.soak_s,
            approval=stage.approval,
        )


def _sampled(
    sample: Sample, taken: Sequence[str], left: Sequence[str], value_of: ValueOf
) -> list[str]:
    """The first devices that are missing for `count` of each combination of values."""

    def kind(device: str) -> tuple[str | None, ...]:
        return tuple(value_of(device, name) for name in sample.per)

    counts, picked = Counter(map(kind, taken)), []
    for device in left:
        own = kind(device)
        if counts[own] < sample.count:
            counts[own] += 1
            picked.append(device)
    return picked


def _complete(stages: tuple[StageSpec, ...], total: int) -> tuple[StageSpec, ...]:
    """The stages, with one more when the last does not reach all devices."""
    everything = Size(value=100, unit=SizeUnit.PERCENT)
    if not stages:
        return (StageSpec(name=WHOLE, size=everything),)
    reached = [resolve_size(stage.size, total) for stage in stages if stage.size is not None]
    if max(reached, default=0) >= total:
        return stages
    names = {stage.name for stage in stages}
    name = next(name for name in (REST, *_numbered(REST, len(names))) if name not in names)
    return (*stages, StageSpec(name=name, size=everything))


def _numbered(name: str, count: int) -> Iterator[str]:
    return (f"{name} {number}" for number in range(2, count + 3))


def _with_default(gate: Gate) -> Gate:
    """`gate`, asking for full success when it says nothing about failures."""
    if gate.success_pct is None and not gate.abort_on:
        return replace(gate, success_pct=DEFAULT_SUCCESS_PCT)
    return gate


def _split(devices: Sequence[str], waves: Waves) -> tuple[tuple[str, ...], ...]:
    """`devices` by wave, their order kept inside each."""
    if len(waves.waves) == 1:
        return (tuple(devices),)
    parts: list[list[str]] = [[] for _ in waves.waves]
    for device in devices:
        parts[waves.index[device]].append(device)
    return tuple(map(tuple, parts))


def _problems(spec: RolloutSpec) -> list[Problem]:
    """What is wrong in `spec` whatever the selection."""
    problems = [problem for stage in spec.stages for problem in _size_problems(stage)]
    problems += _name_problems(spec.stages)
    problems += _shrinking(spec.stages)
    if spec.serial and spec.stages:
        problems.append(
            Problem(
                kind="input/serial-and-stages",
                message="a play has either `serial` or `rollout: stages`, not both",
                mark=spec.mark or spec.stages[0].mark,
                hint="Write the batches as stages; sizes of stages are cumulative.",
            )
        )
    return problems


def _size_problems(stage: StageSpec) -> Iterator[Problem]:
    if stage.size is None:
        return
    value, unit = stage.size.value, stage.size.unit
    if unit is SizeUnit.PERCENT and not 0 < value <= 100:
        message = f"stage {stage.name}: {value:g} % is not above 0 % and at most 100 %"
    elif unit is SizeUnit.COUNT and (value < 1 or value != int(value)):
        message = f"stage {stage.name}: {value:g} is not a whole number of devices, at least 1"
    else:
        return
    yield Problem(
        kind="input/bad-size",
        message=message,
        mark=stage.mark,
        hint="Give a number of devices such as 5, or a share such as 10%.",
    )


def _name_problems(stages: Sequence[StageSpec]) -> Iterator[Problem]:
    seen: set[str] = set()
    for stage in stages:
        if stage.name and stage.name in seen:
            yield Problem(
                kind="input/duplicate-stage",
                message=f"two stages have the name {stage.name}",
                mark=stage.mark,
                hint="Give every stage a name of its own.",
            )
        seen.add(stage.name)


def _shrinking(stages: Sequence[StageSpec]) -> Iterator[Problem]:
    """Stages that end before an earlier one of the same unit.

    A share and a count are only comparable for one selection: `59` then `10%`
    is right for a fleet and shrinks under --limit. Such a stage adds no
    device and passes at once, rather than being an error.
    """
    largest: dict[SizeUnit, StageSpec] = {}
    for stage in stages:
        if stage.size is None:
            continue
        before = largest.get(stage.size.unit)
        if before is not None and before.size and stage.size.value < before.size.value:
            yield Problem(
                kind="input/shrinking-stage",
                message=(
                    f"stage {stage.name} ({size_text(stage.size)}) ends before "
                    f"stage {before.name} ({size_text(before.size)})"
                ),
                mark=stage.mark,
                hint="Sizes are cumulative: each counts the devices of the stages before it.",
            )
        else:
            largest[stage.size.unit] = stage


def size_text(size: Size) -> str:
    """`size` for people: "5 devices" or "10 %"."""
    if size.unit is SizeUnit.PERCENT:
        return f"{size.value:g} %"
    return f"{size.value:g} device" + ("" if size.value == 1 else "s")
