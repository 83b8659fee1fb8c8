"""Who waits for whom, and what is decided when they meet."""

from __future__ import annotations

import pytest

from fleetrun.model.steps import Go, Meet, MeetKind, Shared
from fleetrun.planning.meeting import Meeting

A, B, C = "a", "b", "c"


def meet(kind, place=(1, 0, 0), **fields):
    return Meet(kind=kind, place=place, task="t", **fields)


def over(place=(1, 0, 0), **fields):
    return meet(MeetKind.OVER, place, **fields)


def gathered(*members, **options):
    meeting = Meeting(members, **options)
    for name in members:
        meeting.start(name, lambda: (0,))
    return meeting


def verdicts(meeting):
    return {
        name: verdict.go for opening in meeting.openings()
        for name, verdict in opening.verdicts.items()
    }


def test_nobody_goes_on_while_one_still_runs():
    """A device that has not come, or not even started, is waited for."""
    meeting = Meeting([A, B])
    meeting.start(A, lambda: (0,))
    meeting.arrive(A, over())
    assert meeting.openings() == []
    meeting.start(B, lambda: (0,))
    assert meeting.openings() == []
    meeting.arrive(B, over())
    assert {A: Go.ON, B: Go.ON} == verdicts(meeting)


def test_the_earliest_place_goes_first():
    """Whoever is behind catches up; the others go on waiting."""
    meeting = gathered(A, B)
    meeting.arrive(A, over((1, 0, 5)))
    meeting.arrive(B, over((1, 0, 2)))
    assert {B: Go.ON} == verdicts(meeting)
    assert meeting.openings() == []
    meeting.end(B)
    assert {A: Go.ON} == verdicts(meeting)


def test_the_first_of_the_batch_leads_and_the_others_follow():
    """run_once: in the order of the batch, whoever came first."""
    meeting = gathered(A, B, C)
    for name in (C, B, A):
        meeting.arrive(name, meet(MeetKind.ONCE))
    (opening,) = meeting.openings()
    assert (A, {A: Go.LEAD}) == (
        opening.leader, {name: one.go for name, one in opening.verdicts.items()}
    )
    meeting.arrive(A, over(is_fatal=True, shared=Shared(variables={"r": 1})))
    (opening,) = meeting.openings()
    assert {A: Go.ON, B: Go.SKIP, C: Go.SKIP} == {
        name: one.go for name, one in opening.verdicts.items()
    }
    assert {A} == set(opening.shared)


def test_a_former_leader_leads_again():
    """A resumed run does not choose another one, whoever is there now."""
    meeting = gathered(A, B, leaders={((1, 0, 0), "t", B)})
    meeting.arrive(A, meet(MeetKind.ONCE))
    meeting.arrive(B, meet(MeetKind.ONCE))
    assert {B: Go.LEAD} == verdicts(meeting)


def test_a_lost_leader_fails_those_that_follow():
    """They have no result to go on with."""
    meeting = gathered(A, B)
    meeting.arrive(A, meet(MeetKind.ONCE))
    meeting.arrive(B, meet(MeetKind.ONCE))
    meeting.openings()
    meeting.end(A, lost_at=(1, 0, 0), fatal_task="t")
    (opening,) = meeting.openings()
    assert (Go.FAIL, "a was lost") == (opening.verdicts[B].go, opening.fatal)


def test_a_fatal_failure_fails_all_wherever_they_wait():
    """The one that failed handles its own failure."""
    meeting = gathered(A, B, C)
    meeting.arrive(A, over(has_failed=True, is_lost=True, is_fatal=True))
    meeting.arrive(B, over(is_fatal=True))
    meeting.arrive(C, over((1, 0, 7)))
    assert {A: Go.ON, B: Go.FAIL, C: Go.FAIL} == verdicts(meeting)


def test_an_unreachable_device_is_fatal_where_a_failure_is():
    """any_errors_fatal counts unreachable devices, once."""
    meeting = gathered(A, B)
    meeting.end(A, lost_at=(1, 0, 0), fatal_task="t")
    meeting.arrive(B, over(is_fatal=True))
    assert {B: Go.FAIL} == verdicts(meeting)


@pytest.mark.parametrize(("limit", "go"), [(50.0, Go.ON), (49.0, Go.FAIL), (0.0, Go.FAIL)])
def test_max_fail_percentage_is_strict_and_of_the_batch(limit, go):
    """1 of 2 is not more than 50 %, and is more than 49 %."""
    meeting = gathered(A, B, max_fail_pct=limit)
    meeting.arrive(A, over(has_failed=True, is_lost=True))
    meeting.arrive(B, over())
    assert {A: Go.ON, B: go} == verdicts(meeting)


def test_lost_devices_count_for_max_fail_percentage():
    """Unreachable ones, too: mended against Ansible."""
    meeting = gathered(A, B, C, max_fail_pct=30)
    meeting.end(A, lost_at=(0,))
    meeting.arrive(B, over())
    meeting.arrive(C, over())
    assert {B: Go.FAIL, C: Go.FAIL} == verdicts(meeting)


def test_a_reader_waits_only_for_what_it_reads():
    """It goes on as soon as the other is past its task, though a third still runs."""
    at = {B: (1, 0, 0)}
    meeting = Meeting([A, B, C])
    meeting.start(A, lambda: (1, 0, 3))
    meeting.start(B, lambda: at[B])
    meeting.start(C, lambda: (0,))
    meeting.arrive(A, meet(MeetKind.READ, (1, 0, 3), awaits=frozenset({B})))
    assert (meeting.openings(), meeting.has_readers) == ([], True)
    at[B] = (1, 0, 3)
    assert {A: Go.ON} == verdicts(meeting)
    assert not meeting.has_readers


def test_two_readers_of_each_other_go_on():
    """Both have done all that the other may read: no deadlock."""
    meeting = gathered(A, B)
    meeting.arrive(A, meet(MeetKind.READ, (1, 0, 3), awaits=frozenset({B})))
    meeting.arrive(B, meet(MeetKind.READ, (1, 0, 3), awaits=frozenset({A})))
    assert {A: Go.ON, B: Go.ON} == verdicts(meeting)


def test_an_action_of_meta_ends_all_that_wait():
    """end_batch, also for those in other branches."""
    meeting = gathered(A, B)
    meeting.arrive(A, over(shared=Shared(meta="end_batch")))
    meeting.arrive(B, over((1, 0, 9)))
    assert {A: Go.END, B: Go.END} == verdicts(meeting)


def test_who_was_lost_where_is_known():
    """ansible_play_hosts is without those that were lost before."""
    meeting = gathered(A, B)
    meeting.end(A, lost_at=(1, 0, 4))
    assert frozenset() == meeting.lost_before((1, 0, 4))
    assert {A} == meeting.lost_before((1, 0, 5))
