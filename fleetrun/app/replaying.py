"""Replays of a run's decisions, over the plans that its files give."""

from __future__ import annotations

from collections.abc import Sequence

from fleetrun.app.loaded import load_again
from fleetrun.app.plans import plan_plays
from fleetrun.app.records import check_unchanged
from fleetrun.contracts import Journal
from fleetrun.engine.past import Past
from fleetrun.engine.play import only
from fleetrun.engine.replay import Replay, ReplayReport
from fleetrun.model.events import DeviceFinished
from fleetrun.model.result import Outcome
from fleetrun.model.rollout import RolloutPlan
from fleetrun.planning import outcomes

__all__ = ["ReplayReport", "replay"]


async def replay(journal: Journal, name: str, accepted: Sequence[str] = ()) -> ReplayReport:
    """Returns whether a run's decisions follow from what its journal has.

    Raises UsageError when its files changed since, and InputError.
    """
    record = await journal.find_run(name)
    loaded = load_again(record)
    await check_unchanged(journal, record, loaded, accepted)
    past = Past(is_resume=True)
    ended: dict[int, dict[str, Outcome]] = {}
    async for event in journal.events(record.run):
        past.take(event)
        if isinstance(event, DeviceFinished):
            ended.setdefault(event.play, {})[event.device] = event.outcome
    plans = {plan.play.index: plan for plan in plan_plays(loaded, record.run, past)}

    def plan_of(play: int) -> RolloutPlan:
        lost = {
            device for former in plans if former < play
            for device, outcome in ended.get(former, {}).items()
            if outcome in outcomes.ENDS_RUN
        }
        took_part = frozenset(ended.get(play, {}))
        alive = frozenset(plans[play].selection) - (lost - took_part)
        return only(plans[play].rollout, alive)

    machine = Replay(plan_of)
    async for event in journal.events(record.run):
        machine.take(event)
    return machine.report
