"""What resume learns from the journal."""

from __future__ import annotations

import asyncio

from fleetrun.engine.past import Past, read_past
from fleetrun.model.events import (
    DeviceConnected,
    DeviceFinished,
    PlayFinished,
    RunFinished,
    RunResumed,
    RunStarted,
    StepAnswered,
    TasksIntended,
)
from fleetrun.model.result import Outcome
from fleetrun.testing.factories import make_event


def intended(*keys, play=0, device="d1", at=1.0):
    return make_event(TasksIntended, play=play, device=device, keys=keys, at=at)


def connected(boot_id, device="d1"):
    return make_event(DeviceConnected, device=device, boot_id=boot_id)


def finished(outcome, device="d1", play=0):
    return make_event(DeviceFinished, play=play, device=device, outcome=outcome)


def past_of(*events):
    async def stream():
        for event in events:
            yield event

    return asyncio.run(read_past(stream()))


def test_answers_and_intents_are_kept_by_play_and_device():
    """A key without an answer is in doubt."""
    answer = make_event(StepAnswered, play=0, device="d1", key="a")
    past = past_of(intended("a", "b", at=7.0), answer, intended("z", play=1, device="d2"))
    history = past.take_history(0, "d1")
    assert ({"a", "b"}, {"a": answer.result}, 7.0) == (
        history.intended, history.answers, history.intended_at
    )
    assert {"z"} == past.take_history(1, "d2").intended


def test_a_history_is_given_away_once():
    """Who goes on with a device has it then; nothing of it is kept twice."""
    past = past_of(intended("a"))
    assert {"a"} == past.take_history(0, "d1").intended
    assert set() == past.take_history(0, "d1").intended


def test_unknown_cancelled_and_skipped_devices_are_open_again():
    """Unknown is settled, cancelled is run, and of skipped the rollout decides anew."""
    past = past_of(*(finished(outcome, outcome.value) for outcome in Outcome))
    assert past.settled[0].keys() == {"ok", "changed", "failed", "unreachable", "pending"}


def test_the_last_word_on_a_device_counts():
    """Settled in a later life; and the order is that of the last words."""
    past = past_of(
        finished(Outcome.UNKNOWN, "d1"), finished(Outcome.OK, "d2"),
        finished(Outcome.CHANGED, "d1"),
        finished(Outcome.OK, "d3"), finished(Outcome.UNKNOWN, "d3"),
    )
    assert ["d2", "d1"] == list(past.settled[0])


def test_a_play_is_over_when_it_finished_and_nothing_in_it_is_open():
    """Only then need nobody hear of it again."""
    end = make_event(PlayFinished, play=0)
    assert past_of(finished(Outcome.OK), finished(Outcome.SKIPPED, "d2"), end).is_over(0)
    assert not past_of(finished(Outcome.OK)).is_over(0)
    assert not past_of(finished(Outcome.OK), finished(Outcome.UNKNOWN, "d2"), end).is_over(0)
    assert past_of(finished(Outcome.UNKNOWN), end, finished(Outcome.OK), end).is_over(0)


def test_who_took_part_in_a_play_that_is_over_is_known():
    """A device that had no outcome in it was not selected by it."""
    past = past_of(finished(Outcome.FAILED), make_event(PlayFinished, play=0))
    assert [True, False, True] == [
        past.may_have_run(0, "d1"), past.may_have_run(0, "d2"), past.may_have_run(1, "d2")
    ]


def test_an_intent_went_out_on_the_session_that_was_open():
    """Its boot_id is that of the latest session, or of the first one after it."""
    assert "b1" == past_of(connected("b1"), intended("a")).take_history(0, "d1").boot_id
    assert "b1" == past_of(intended("a"), connected("b1")).take_history(0, "d1").boot_id
    assert "" == past_of(intended("a"), connected("b1", "d2")).take_history(0, "d1").boot_id


def test_a_later_boot_does_not_change_what_an_intent_ran_under():
    """After an unexpected reboot the receipts are those of the boot before."""
    past = past_of(intended("a"), connected("b1"), connected("b2"))
    assert "b1" == past.take_history(0, "d1").boot_id


def test_another_engines_sessions_say_nothing_of_earlier_intents():
    """The device may have rebooted between the two lives."""
    resumed = make_event(RunResumed)
    assert "" == past_of(intended("a"), resumed, connected("b2")).take_history(0, "d1").boot_id
    past = past_of(connected("b1"), resumed, intended("a"), connected("b2"))
    assert "b2" == past.take_history(0, "d1").boot_id


def test_the_frame_of_the_run_is_kept():
    """Its first and its last event."""
    start, end = make_event(RunStarted), make_event(RunFinished)
    past = past_of(start, end)
    assert (start, end, True) == (past.started, past.finished, past.is_resume)
    assert not Past().is_resume
