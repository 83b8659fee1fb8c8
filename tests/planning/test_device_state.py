"""What others see of a device: its variables as they were at a task."""

from __future__ import annotations

from fleetrun.planning.device_state import DeviceState


def facts(**values):
    return {"ansible_facts": values}


def test_variables_are_as_they_were_before_a_task():
    """Neither what the task itself set, nor anything behind it."""
    state = DeviceState()
    state.write({"a": 1}, (1, 0, 1))
    state.write({"a": 2, "b": 1}, (1, 0, 3))
    assert {} == state.as_of((1, 0, 1)).dynamic
    assert {"a": 1} == state.as_of((1, 0, 3)).dynamic
    assert {"a": 2, "b": 1} == state.as_of((1, 0, 4)).dynamic
    assert {"a": 2, "b": 1} == state.dynamic


def test_facts_are_too_also_when_they_were_dropped():
    """Gathered twice and cleared."""
    state = DeviceState()
    state.learn(facts(ansible_x=1), (1, 0, 1))
    state.learn(facts(ansible_x=2, ansible_y=2), (1, 0, 2))
    state.forget_facts((1, 0, 3))
    assert {} == state.as_of((1, 0, 1)).facts
    assert {"ansible_x": 1} == state.as_of((1, 0, 2)).facts
    assert {"ansible_x": 2, "ansible_y": 2} == state.as_of((1, 0, 3)).facts
    assert {} == state.facts


def test_nothing_is_copied_when_nothing_was_set_since():
    """The usual case: the other waits, or is over."""
    state = DeviceState()
    state.write({"a": 1}, (1, 0, 1))
    assert state is state.as_of((1, 0, 2))
    state.forget_past()
    assert state is state.as_of(())
