"""Who is next under limits, against looking at everybody each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetrun.model.rollout import LimitPlan
from fleetrun.planning.line import Line, Room

devices = st.lists(st.tuples(st.sampled_from("ab?"), st.sampled_from("xy?")), max_size=25)


@given(kinds=devices, most=st.integers(1, 3), steps=st.lists(st.integers(0, 9), max_size=60))
def test_the_first_with_room_is_next(
    kinds: list[tuple[str, str]], most: int, steps: list[int]
) -> None:
    """Taking and giving back in any order finds whom a search of all would find."""
    sites = {str(n): site for n, (site, _) in enumerate(kinds) if site != "?"}
    types = {str(n): kind for n, (_, kind) in enumerate(kinds) if kind != "?"}
    room = Room((
        LimitPlan(per="site", value_of=sites, most={"a": most, "b": 1}),
        LimitPlan(per="type", value_of=types, most={"x": 2, "y": most}),
    ))
    line = Line(room)
    waiting = [str(n) for n in range(len(kinds))]
    for name in waiting:
        line.push(name)
    at_work: list[str] = []
    for step in steps:
        if step < 4 and at_work:
            room.give_back(at_work.pop(step % len(at_work)))
            continue
        fits = [name for name in waiting if room.full(room.keys(name)) is None]
        found = line.pop()
        assert found == next(iter(fits), None)
        if found is not None:
            waiting.remove(found)
            room.take(found)
            at_work.append(found)
        assert len(line) == len(waiting)
