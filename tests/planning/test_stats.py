"""What set_stats gathers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetrun.planning.stats import Stat, from_result, gather


def stat(device="d1", task="0.tasks.1", **fields):
    return Stat(play=0, task=task, device=device, **fields)


def test_kinds_are_added_and_merged():
    """Numbers, texts and lists grow; mappings are merged; another kind changes nothing."""
    gathered = gather([
        stat(data={"n": 1, "t": "a", "l": [1], "m": {"x": {"y": 1}}, "k": 1}),
        stat("d2", data={"n": 2, "t": "b", "l": [2], "m": {"x": {"z": 2}}, "k": "x"}),
    ])
    assert {
        "run": {"n": 3, "t": "ab", "l": [1, 2], "m": {"x": {"y": 1, "z": 2}}, "k": 1}
    } == gathered


def test_the_last_value_wins_without_aggregate_and_devices_stay_apart_when_asked():
    """aggregate: no, and per_host: yes."""
    gathered = gather([
        stat(data={"n": 1}), stat("d2", data={"n": 2}, aggregate=False),
        stat("d2", data={"own": 5}, per_host=True),
    ])
    assert {"run": {"n": 2}, "per_host": {"d2": {"own": 5}}} == gathered


@given(st.permutations([stat(f"d{n}", f"0.tasks.{t}", data={"l": [[t, n]]})
                        for n in range(3) for t in (2, 10)]))
def test_the_result_does_not_depend_on_who_was_faster(stats):
    """Tasks in the order of the play, then devices."""
    order = [[t, n] for t in (2, 10) for n in range(3)]
    assert {"run": {"l": order}} == gather(stats)


def test_nothing_set_is_nothing_said():
    """And a loop's items count each."""
    assert {} == gather([])
    items = {"results": [{"ansible_stats": {"data": {"n": 1}}}, {"skipped": True}]}
    assert [{"n": 1}] == [one.data for one in from_result(0, "0.tasks.1", "d1", items)]
