"""From ``limits:`` to what they say for each device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fleetrun.model.rollout import LimitPlan, LimitSpec
from fleetrun.planning.graph import ValueOf
from fleetrun.planning.stages import resolve_size


def plan_limits(
    limits: Sequence[LimitSpec], selection: Sequence[str], value_of: ValueOf
) -> tuple[LimitPlan, ...]:
    """Returns the limits for `selection`.

    A share is of the selected devices with the same value, rounded down, at
    least 1. A device without a value is not limited.
    """
    return tuple(_plan(limit, selection, value_of) for limit in limits)


def _plan(limit: LimitSpec, selection: Sequence[str], value_of: ValueOf) -> LimitPlan:
    values = {
        device: value for device in selection
        if (value := value_of(device, limit.per)) is not None
    }
    counts = Counter(values.values())
    most = {value: max(1, resolve_size(limit.size, count)) for value, count in counts.items()}
    return LimitPlan(per=limit.per, value_of=values, most=most)
