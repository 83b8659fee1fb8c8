"""Devices side by side: what goes wrong on one stays with it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from fleetrun.engine.groups import one_error_group
from fleetrun.engine.shard import Shard
from fleetrun.errors import InputError, JournalError, LockedError, Problem
from fleetrun.model.events import DeviceFinished
from fleetrun.model.result import Outcome
from fleetrun.testing.fakes import FakeClock


class Fleet:
    """Runs what a test says for each device, and notes what the shard reports."""

    def __init__(self, **does):
        self.does = does
        self.finished = []
        self.released = []

    async def run(self, device):
        await self.does[device]()
        return DeviceFinished(at=0.0, play=0, device=device, outcome=Outcome.OK)

    async def release(self, event):
        await asyncio.sleep(0)
        self.released.append(event.device)

    async def all(self, *, abandon_after=None, turns=1):
        """Starts every device; abandons them after some turns of the loop if asked to."""
        async with one_error_group() as group:
            shard = Shard(
                group, 0, run=self.run, release=self.release, finished=self.finished.append,
                clock=FakeClock(),
            )
            for device in self.does:
                shard.start(device)
            if abandon_after is not None:
                for _ in range(abandon_after):
                    await asyncio.sleep(0)
                shard.abandon()
        return {event.device: event for event in self.finished}


async def works():
    await asyncio.sleep(0)


async def hangs():
    await asyncio.Event().wait()


def fails(error):
    async def fail():
        await asyncio.sleep(0)
        raise error

    return fail


def outcomes(ended):
    return {device: event.outcome for device, event in ended.items()}


def test_a_bug_on_one_device_fails_that_device_only(caplog):
    """An unexpected exception is a failure with its name, and the others go on."""
    caplog.set_level(logging.CRITICAL)
    fleet = Fleet(good=works, bad=fails(ZeroDivisionError("x")), fine=works)
    ended = asyncio.run(fleet.all())
    assert outcomes(ended) == {"good": Outcome.OK, "fine": Outcome.OK, "bad": Outcome.FAILED}
    assert ("internal/bug", "internal error: ZeroDivisionError: x") == (
        ended["bad"].error_kind, ended["bad"].reason
    )


def test_an_error_of_ours_is_told_in_its_own_words():
    """Wrong variables of a device are no bug of the engine."""
    problem = Problem(kind="input/bad-variable", message="d: no port", hint="set it")
    ended = asyncio.run(Fleet(bad=fails(InputError([problem]))).all())
    assert (Outcome.FAILED, "input/bad-variable", "d: no port (set it)") == (
        ended["bad"].outcome, ended["bad"].error_kind, ended["bad"].reason
    )


@pytest.mark.parametrize("kind", [JournalError, LockedError])
def test_without_the_journal_everything_ends(kind):
    """The error itself comes out, not a group of errors, and no device goes on."""
    fleet = Fleet(bad=fails(kind("gone", kind="journal/write")), other=hangs)
    with pytest.raises(kind, match="gone"):
        asyncio.run(fleet.all())
    assert ["other"] == fleet.released


def test_abandoned_devices_are_unknown():
    """Something of ours may run on them."""
    ended = asyncio.run(Fleet(one=hangs, two=hangs).all(abandon_after=3))
    assert outcomes(ended) == {"one": Outcome.UNKNOWN, "two": Outcome.UNKNOWN}
    assert {"engine/abandoned"} == {event.error_kind for event in ended.values()}


def test_a_device_that_was_abandoned_before_its_first_turn_has_an_outcome_too():
    """Each started device is reported exactly once, or the rollout would wait for ever."""
    ended = asyncio.run(Fleet(one=hangs).all(abandon_after=0))
    assert outcomes(ended) == {"one": Outcome.CANCELLED}


def test_an_outcome_that_is_known_survives_being_abandoned():
    """Giving back the connection may be cut off; the outcome stays what it was."""

    class Slow(Fleet):
        async def release(self, event):
            await hangs()

    ended = asyncio.run(Slow(one=works).all(abandon_after=4))
    assert outcomes(ended) == {"one": Outcome.OK}


def test_what_a_device_holds_is_given_back_before_its_outcome_is_told():
    """The next device starts when this one's connection is closed, not before."""
    order = []

    class Noting(Fleet):
        async def release(self, event):
            await super().release(event)
            order.append("released")

    fleet = Noting(one=works)
    fleet.finished = type("Told", (list,), {"append": lambda self, _: order.append("told")})()
    asyncio.run(fleet.all())
    assert ["released", "told"] == order


def test_a_bug_while_giving_back_harms_nobody(caplog):
    """The device keeps its outcome, and the others go on."""
    caplog.set_level(logging.CRITICAL)

    class Broken(Fleet):
        async def release(self, event):
            raise ZeroDivisionError

    ended = asyncio.run(Broken(one=works, two=works).all())
    assert outcomes(ended) == {"one": Outcome.OK, "two": Outcome.OK}
