"""The event stream: order, durability, secrets, and reporters that misbehave."""

from __future__ import annotations

import asyncio
import logging

import pytest

from fleetrun.engine.bus import Bus
from fleetrun.errors import JournalError
from fleetrun.model.events import DeviceConnected, DeviceStarted, Notice, TaskFinished
from fleetrun.model.redact import MASK, Redactor
from fleetrun.testing.factories import INVOCATION, failed, make_event
from fleetrun.testing.fakes import FakeClock, MemoryJournal, RecordingReporter

EVENTS = [make_event(DeviceStarted, device=f"d{number}") for number in range(100)]


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """A reporter's failure is logged for developers; here it is on purpose."""
    caplog.set_level(logging.CRITICAL, "fleetrun.engine.bus")


def publish(events, *reporters, journal=None, redactor=None, during=None, **options):
    """Publishes events with a turn of the loop after each; returns the bus's journal."""
    journal = journal or MemoryJournal()

    async def main():
        lease = await journal.create_run("run-1", "t", INVOCATION, {})
        secret = redactor or Redactor(())
        async with Bus(journal, lease, reporters, secret, FakeClock(), **options) as bus:
            for event in events:
                bus.publish(event)
                await asyncio.sleep(0)
            if during is not None:
                await during(bus)

    asyncio.run(main())
    return journal


def journalled(journal):
    """What the journal has, durable or not."""
    return journal.store.runs["run-1"].events


def test_everybody_gets_every_event_in_order():
    """The journal and each reporter see the same stream."""
    reporters = [RecordingReporter(), RecordingReporter()]
    journal = publish(EVENTS, *reporters)
    assert [EVENTS] * 3 == [journalled(journal), *(each.events for each in reporters)]


def test_reporters_are_closed_once_after_the_last_event():
    """What is queued at the end is shown before `close`."""
    reporter = RecordingReporter()
    publish(EVENTS, reporter)
    assert (1, 100) == (reporter.times_closed, len(reporter.events))


def test_a_reporter_that_raises_is_detached_with_a_notice_and_the_others_go_on():
    """A bug in a reporter costs its output, and a sentence that says so."""
    bad, good = RecordingReporter(fails_on=DeviceStarted), RecordingReporter()
    journal = publish(EVENTS, bad, good)
    notices = [event for event in good.events if isinstance(event, Notice)]
    assert [] == bad.events
    assert 1 == bad.times_closed
    assert EVENTS == [event for event in good.events if not isinstance(event, Notice)]
    assert ["reporter RecordingReporter was detached: ValueError: cannot show device_started"] == [
        notice.message for notice in notices
    ]
    assert journalled(journal) == good.events


def test_a_reporter_that_falls_too_far_behind_is_detached():
    """A reporter that hangs holds a bounded queue and no run."""
    stuck, good = RecordingReporter(waits_for=asyncio.Event()), RecordingReporter()
    publish(EVENTS, stuck, good, queue_size=10)
    assert [] == stuck.events
    assert 1 == stuck.times_closed
    assert ["reporter RecordingReporter was detached: more than 10 events behind"] == [
        event.message for event in good.events if isinstance(event, Notice)
    ]


def test_a_reporter_that_hangs_at_the_end_is_given_up():
    """Neither an endless `handle` nor an endless `close` keeps the run from ending."""

    class Endless(RecordingReporter):
        async def close(self):
            await asyncio.Event().wait()

    stuck = Endless(waits_for=asyncio.Event())
    publish(EVENTS[:1], stuck, close_timeout_s=0.01)
    assert [] == stuck.events


def test_a_failure_at_the_last_event_harms_nobody():
    """There is no event left to tell it with; the others still end well."""
    bad, good = RecordingReporter(fails_on=DeviceStarted), RecordingReporter()
    publish(EVENTS[:1], bad, good)
    assert EVENTS[:1] == good.events


def test_the_barrier_waits_for_the_journal():
    """After it, everything published so far is durable; before it, nothing need be."""
    journal = MemoryJournal()
    durable = []

    async def during(bus):
        durable.append(journal.store.runs["run-1"].durable)
        await bus.barrier()
        durable.append(journal.store.runs["run-1"].durable)

    publish(EVENTS, journal=journal, during=during)
    assert [0, 100] == durable


def test_a_broken_journal_breaks_the_barrier():
    """The error of the journal reaches whoever waits for it."""
    journal = MemoryJournal()

    async def during(bus):
        journal.broken = JournalError("the disk is full", kind="journal/write")
        with pytest.raises(JournalError):
            await bus.barrier()

    publish([], journal=journal, during=during)


def test_secrets_are_taken_out_for_the_journal_and_for_reporters():
    """One place hides them for every sink."""
    event = make_event(TaskFinished, result=failed("password hunter2 is wrong"))
    reporter = RecordingReporter()
    journal = publish([event], reporter, redactor=Redactor(["hunter2"]))
    for seen in (*journalled(journal), *reporter.events):
        assert f"password {MASK} is wrong" == seen.result.message


def test_a_devices_own_secrets_are_taken_out_of_its_events():
    """As many passwords as devices cost one lookup each, and only their device."""
    journal = MemoryJournal()

    async def during(bus):
        bus.hide("d1", ["hunter2", ""])
        bus.hide("d3", [])
        for device in ("d1", "d2", "d3"):
            bus.publish(make_event(TaskFinished, device=device, result=failed("hunter2")))

    publish([], journal=journal, during=during)
    assert [MASK, "hunter2", "hunter2"] == [e.result.message for e in journalled(journal)]


def test_the_same_warning_is_told_once():
    """A thousand devices with one odd setting make one notice."""
    reporter = RecordingReporter()

    async def during(bus):
        for message in ("odd", "odd", "odder"):
            bus.warn(message)

    publish([make_event(DeviceConnected)], reporter, during=during)
    assert ["odd", "odder"] == [e.message for e in reporter.events if isinstance(e, Notice)]
