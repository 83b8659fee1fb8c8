# ruff: noqa: S101 - asserting is what this module is for
"""What every `contracts.Journal` must do, as checks to run against one.

```python
@pytest.mark.parametrize("check", JOURNAL_CHECKS, ids=lambda check: check.__name__)
def test_keeps_the_contract(check, tmp_path):
    asyncio.run(run_check(check, lambda ttl_s: MyJournal(tmp_path, lease_ttl_s=ttl_s)))
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Final, TypeAlias

from fleetrun.contracts import Journal, Lease
from fleetrun.errors import FleetrunError, JournalError, LockedError, UsageError
from fleetrun.model.events import AnyEvent, DeviceStarted, RunFinished, StepAnswered, TaskFinished
from fleetrun.model.result import Outcome, TaskResult, TaskStatus
from fleetrun.model.run import RunState, Wish, WishKind
from fleetrun.model.values import Expression, SecretText, TemplateText, Value
from fleetrun.testing.factories import INVOCATION, every_event, make_event

#: Opens another journal on the same store, as another process would do; the
#: argument is the life of a lease in seconds.
OpenJournal: TypeAlias = "Callable[[float], Journal]"

#: Long enough that no lease ends by itself during a check …
LONG_S: Final = 600.0
#: … and short enough to wait for.
SHORT_S: Final = 0.2


class Stores:
    """Opens journals for a check and closes them after it."""

    def __init__(self, open_journal: OpenJournal) -> None:
        self._open_journal = open_journal
        self._opened: list[Journal] = []

    def open(self, ttl_s: float = LONG_S) -> Journal:
        """Opens one more journal on the store."""
        journal = self._open_journal(ttl_s)
        self._opened.append(journal)
        return journal

    async def close(self) -> None:
        """Closes all of them."""
        for journal in self._opened:
            await journal.close()


Check: TypeAlias = "Callable[[Stores], Awaitable[None]]"


async def run_check(check: Check, open_journal: OpenJournal) -> None:
    """Runs one check; raises AssertionError when the journal breaks it."""
    stores = Stores(open_journal)
    try:
        await check(stores)
    finally:
        await stores.close()


@contextmanager
def raises(kind: type[FleetrunError]) -> Iterator[None]:
    """Raises AssertionError unless the block raises this error."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")


async def read(journal: Journal, run: str) -> list[AnyEvent]:
    """Returns all events of a run."""
    return [event async for event in journal.events(run)]


async def start(journal: Journal, run: str = "run-1") -> Lease:
    """Creates a run with defaults."""
    return await journal.create_run(run, f"title of {run}", INVOCATION, {"/a.yml": "00ff"})


async def keeps_every_event_exactly_and_in_order(stores: Stores) -> None:
    """What another process reads equals what was appended."""
    journal = stores.open()
    lease = await start(journal)
    events = list(every_event()) * 50
    for event in events:
        journal.append(lease, event)
    await journal.commit(lease)
    assert await read(stores.open(), "run-1") == events


async def keeps_any_value_of_a_device(stores: Stores) -> None:
    """Bytes, odd text and objects that look like the store's own come back."""
    journal = stores.open()
    lease = await start(journal)
    values: dict[str, Value] = {
        "raw": b"\xff\x00", "text": "\udcff\x00\u202e\n", "$bytes": "AAAA",
        "nested": [{"$bytes": "AAAA"}, {"$$": 1.5, "none": None}, []], "big": 2**80,
    }
    result = TaskResult(status=TaskStatus.OK, values=values)
    plain = replace(result, values={"d": {"$bytes": "AAAA"}, "$exact": 1})
    events = [make_event(StepAnswered, result=each) for each in (result, plain)]
    for event in events:
        journal.append(lease, event)
    await journal.commit(lease)
    assert await read(journal, "run-1") == events


async def hides_what_is_no_log(stores: Stores) -> None:
    """Only the status of a no_log task is kept."""
    journal = stores.open()
    lease = await start(journal)
    result = TaskResult(status=TaskStatus.CHANGED, values={"stdout": "hunter2", "rc": 3})
    journal.append(lease, make_event(TaskFinished, result=result, no_log=True))
    journal.append(lease, make_event(StepAnswered, result=result, no_log=True))
    for event in await read(journal, "run-1"):
        assert isinstance(event, (TaskFinished, StepAnswered))
        assert event.result.status is TaskStatus.CHANGED
        assert list(event.result.values) == ["censored"]


async def keeps_runs_apart(stores: Stores) -> None:
    """Two runs that write at once do not see each other's events."""
    first, second = stores.open(), stores.open()
    one, two = await start(first, "one"), await start(second, "two")
    for number in range(100):
        first.append(one, make_event(DeviceStarted, device=f"a{number}"))
        second.append(two, make_event(DeviceStarted, device=f"b{number}"))
    await asyncio.gather(first.commit(one), second.commit(two))
    for run, letter in (("one", "a"), ("two", "b")):
        names = [event.device for event in await read(first, run) if hasattr(event, "device")]
        assert names == [f"{letter}{number}" for number in range(100)]


async def shows_events_without_a_barrier(stores: Stores) -> None:
    """An event reaches other readers without a commit, soon after."""
    journal, reader = stores.open(), stores.open()
    lease = await start(journal)
    journal.append(lease, make_event(DeviceStarted))
    for _ in range(200):
        if await read(reader, "run-1"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the event did not show up within 10 s")


async def writes_what_waits_on_close(stores: Stores) -> None:
    """Closing loses nothing, and a second close does no harm."""
    journal = stores.open()
    lease = await start(journal)
    journal.append(lease, make_event(DeviceStarted))
    await journal.close()
    await journal.close()
    assert await read(stores.open(), "run-1") == [make_event(DeviceStarted)]


async def keeps_the_invocation(stores: Stores) -> None:
    """Templates come back as templates, and secrets not at all."""
    journal = stores.open()
    extra = {
        "a": TemplateText("{{ b }}"), "b": "{{ data }}", "c": [Expression("x > 1")],
        "password": SecretText("hunter2"),
    }
    asked = replace(INVOCATION, extra_vars=extra, tags=("x",), limit="gw-*")
    await journal.create_run("run-1", "t", asked, {"/p.yml": "ab"})
    record = await stores.open().find_run("run-1")
    found = record.invocation.extra_vars
    assert replace(record.invocation, extra_vars={}) == replace(asked, extra_vars={})
    assert found == {"a": "{{ b }}", "b": "{{ data }}", "c": ["x > 1"], "password": "********"}
    assert [type(found[name]) for name in "ab"] == [TemplateText, str]
    assert record.file_hashes == {"/p.yml": "ab"}


async def refuses_a_second_run_of_the_same_id(stores: Stores) -> None:
    """A run id is used once; the first run stays as it is."""
    journal = stores.open()
    lease = await start(journal)
    with raises(JournalError):
        await start(journal)
    await journal.commit(lease)


async def gives_a_held_run_to_nobody(stores: Stores) -> None:
    """While somebody alive holds the run, another one is told who."""
    lease = await start(stores.open())
    other = stores.open()
    with raises(LockedError):
        await other.take_lease("run-1")
    assert (await other.find_run("run-1")).owner == lease.owner


async def fences_a_late_writer(stores: Stores) -> None:
    """After a takeover the old engine's events count no more."""
    old, new = stores.open(SHORT_S), stores.open()
    late = await start(old)
    await asyncio.sleep(SHORT_S * 1.5)
    lease = await new.take_lease("run-1")
    assert lease.epoch == late.epoch + 1
    old.append(late, make_event(DeviceStarted, device="late"))
    with raises(LockedError):
        await old.commit(late)
    with raises(LockedError):
        await old.renew_lease(late)
    with raises(LockedError):
        await old.finish_run(late, RunState.FINISHED, 0)
    new.append(lease, make_event(DeviceStarted, device="new"))
    await new.commit(lease)
    assert await read(new, "run-1") == [make_event(DeviceStarted, device="new")]


async def keeps_a_renewed_lease(stores: Stores) -> None:
    """Renewing and writing both keep the lease."""
    ttl_s = SHORT_S * 3
    journal, other = stores.open(ttl_s), stores.open()
    for attempt in range(20):
        run = f"run-{attempt}"
        lease = await start(journal, run)
        longest_s = 0.0
        for number in range(8):
            before = monotonic()
            await asyncio.sleep(SHORT_S / 2)
            await (journal.commit(lease) if number % 2 else journal.renew_lease(lease))
            longest_s = max(longest_s, monotonic() - before)
        before = monotonic()
        try:
            await other.take_lease(run)
        except LockedError:
            return
        # A machine that stood still for the life of the lease proves nothing.
        if max(longest_s, monotonic() - before) < ttl_s:
            raise AssertionError("a lease that was renewed was taken over")
    raise AssertionError("this machine is too busy to keep a lease alive")


async def takes_no_events_after_the_end(stores: Stores) -> None:
    """A closed run takes no writes until somebody takes it over."""
    journal = stores.open()
    lease = await start(journal)
    await journal.finish_run(lease, RunState.HALTED, 5)
    with raises(LockedError):
        await journal.commit(lease)
    record = await journal.find_run("run-1")
    assert (record.state, record.exit_code, record.owner) == (RunState.HALTED, 5, "")
    assert (await stores.open().take_lease("run-1")).epoch == lease.epoch + 1
    assert (await journal.find_run("run-1")).state is RunState.RUNNING


async def locks_a_device_for_one_run(stores: Stores) -> None:
    """The second run is told who has the device; our own lock is ours again."""
    first, second = stores.open(), stores.open()
    one, two = await start(first, "one"), await start(second, "two")
    assert await first.lock_device(one, "gw-01") == ""
    assert await first.lock_device(one, "gw-01") == ""
    assert await second.lock_device(two, "gw-01") == "one"
    await second.unlock_device(two, "gw-01")
    assert await second.lock_device(two, "gw-01") == "one"
    await first.unlock_device(one, "gw-01")
    assert await second.lock_device(two, "gw-01") == ""


async def frees_the_devices_of_a_finished_run(stores: Stores) -> None:
    """The end of a run gives its device locks back."""
    journal = stores.open()
    one, two = await start(journal, "one"), await start(journal, "two")
    await journal.lock_device(one, "gw-01")
    await journal.finish_run(one, RunState.FINISHED, 0)
    assert await journal.lock_device(two, "gw-01") == ""


async def frees_the_devices_of_a_dead_run(stores: Stores) -> None:
    """A lock goes over when the lease of its run has ended."""
    first, second = stores.open(SHORT_S), stores.open()
    one, two = await start(first, "one"), await start(second, "two")
    await first.lock_device(one, "gw-01")
    await asyncio.sleep(SHORT_S * 1.5)
    assert await second.lock_device(two, "gw-01") == ""


async def locks_many_devices_at_once(stores: Stores) -> None:
    """Wishes that wait together are each answered for their own device."""
    journal = stores.open()
    one, two = await start(journal, "one"), await start(journal, "two")
    names = [f"d{number}" for number in range(500)]
    taken = await asyncio.gather(*(journal.lock_device(one, name) for name in names[::2]))
    assert set(taken) == {""}
    answers = await asyncio.gather(*(journal.lock_device(two, name) for name in names))
    assert answers == ["one", ""] * 250


async def finds_a_run_by_what_people_type(stores: Stores) -> None:
    """An id, a unique prefix, last and last~N; all else is a usage error."""
    journal = stores.open()
    with raises(UsageError):
        await journal.find_run("last")
    for run in ("alpha-1", "alpha-2", "alpha", "beta_%"):
        await start(journal, run)
    wanted = ("last", "last~1", "last~3", "alpha", "alpha-2", "b", "beta_%")
    found = [(await journal.find_run(each)).run for each in wanted]
    assert found == ["beta_%", "alpha", "alpha-1", "alpha", "alpha-2", "beta_%", "beta_%"]
    for wrong in ("alph", "gamma", "last~4", "", "%", "a_"):
        with raises(UsageError):
            await journal.find_run(wrong)
    with raises(UsageError):
        await read(journal, "gamma")
    with raises(UsageError):
        await journal.take_lease("gamma")


async def lists_the_latest_runs_first(stores: Stores) -> None:
    """A list of runs has a limit, counts of outcomes and a true state."""
    journal, other = stores.open(SHORT_S), stores.open()
    for run in ("one", "two", "three"):
        lease = await start(journal, run)
    outcomes = {"a": Outcome.OK, "b": Outcome.OK, "c": Outcome.UNKNOWN}
    journal.append(lease, make_event(RunFinished, run="three", outcomes=outcomes))
    await journal.finish_run(lease, RunState.FINISHED, 7)
    await asyncio.sleep(SHORT_S * 1.5)
    records = await other.runs(limit=2)
    assert [record.run for record in records] == ["three", "two"]
    assert [record.state for record in records] == [RunState.FINISHED, RunState.INTERRUPTED]
    assert records[0].counts == {"ok": 2, "unknown": 1}


async def survives_cancelled_waiters(stores: Stores) -> None:
    """A barrier that nobody waits for any more harms no other one."""
    journal = stores.open()
    lease = await start(journal)
    barriers = [asyncio.ensure_future(journal.commit(lease)) for _ in range(10)]
    await asyncio.sleep(0)
    for barrier in barriers[::2]:
        barrier.cancel()
    results = await asyncio.gather(*barriers, return_exceptions=True)
    assert [result for result in results[1::2] if result is not None] == []
    await journal.commit(lease)


async def hands_wishes_to_the_engine_once(stores: Stores) -> None:
    """Another process leaves wishes; the run's engine gets them in order, and only it."""
    engine, shell = stores.open(), stores.open()
    lease, other = await start(engine, "one"), await start(engine, "two")
    asked = [
        Wish(kind=WishKind.APPROVE, by="ann@desk", stage="ask"),
        Wish(kind=WishKind.ABORT, by="bob@desk"),
    ]
    for wish in asked:
        await shell.add_wish("one", wish)
    assert list(await engine.take_wishes(other)) == []
    assert list(await engine.take_wishes(lease)) == asked
    assert list(await engine.take_wishes(lease)) == []
    with raises(UsageError):
        await shell.add_wish("nowhere", asked[0])


JOURNAL_CHECKS: Final[tuple[Check, ...]] = (
    keeps_every_event_exactly_and_in_order,
    keeps_any_value_of_a_device,
    hides_what_is_no_log,
    keeps_runs_apart,
    shows_events_without_a_barrier,
    writes_what_waits_on_close,
    keeps_the_invocation,
    refuses_a_second_run_of_the_same_id,
    gives_a_held_run_to_nobody,
    fences_a_late_writer,
    keeps_a_renewed_lease,
    takes_no_events_after_the_end,
    locks_a_device_for_one_run,
    frees_the_devices_of_a_finished_run,
    frees_the_devices_of_a_dead_run,
    locks_many_devices_at_once,
    finds_a_run_by_what_people_type,
    lists_the_latest_runs_first,
    survives_cancelled_waiters,
    hands_wishes_to_the_engine_once,
)
