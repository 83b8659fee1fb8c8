"""Events as JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.errors import JournalError
from fleetrun.journal.codec import decode_event, encode_event
from fleetrun.model.events import EVENT_TYPES, AnyEvent, Notice, StepAnswered
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.testing.factories import every_event, make_event

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(),
    lambda children: st.lists(children) | st.dictionaries(
        st.sampled_from(("$bytes", "$$", "$template", "$exact")) | st.text(), children
    ),
    max_leaves=12,
)


def test_the_factories_know_every_event_type() -> None:
    """A new event type needs an example, or nothing here tests it."""
    assert {event.type for event in every_event()} == set(EVENT_TYPES)


@pytest.mark.parametrize("event", every_event(), ids=lambda event: event.type)
def test_every_event_comes_back_equal(event: AnyEvent) -> None:
    """Encoding keeps every field of every type, in one line of ASCII."""
    text = encode_event(event)
    assert decode_event(text) == event
    assert text.isascii()
    assert "\n" not in text


@settings(deadline=None)
@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_every_value_comes_back_equal(values: dict[str, object]) -> None:
    """Whatever a device answers comes back as the same value and type."""
    result = TaskResult(status=TaskStatus.OK, values=values)  # type: ignore[arg-type]
    event = make_event(StepAnswered, result=result)
    assert decode_event(encode_event(event)) == event


def test_ignores_fields_of_a_later_version() -> None:
    """Fields are only ever added, so an unknown one is no fault."""
    plain = json.loads(encode_event(make_event(Notice)))
    assert decode_event(json.dumps(plain | {"colour": "red"})) == make_event(Notice)


@pytest.mark.parametrize("text", ["", "[", "{}", '{"type": "dance"}', '{"type": "notice"}'])
def test_says_what_it_cannot_read(text: str) -> None:
    """A damaged or unknown event is a JournalError, never a wrong event."""
    with pytest.raises(JournalError):
        decode_event(text)


def test_refuses_a_value_without_end() -> None:
    """A list that holds itself is an error, not a hang."""
    endless: list[object] = []
    endless.append(endless)
    result = TaskResult(status=TaskStatus.OK, values={"a": endless})  # type: ignore[dict-item]
    with pytest.raises(JournalError):
        encode_event(make_event(StepAnswered, result=result))
