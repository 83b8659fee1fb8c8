"""A device's checks become a verdict that a gate can trust."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleetrun.planning.health import CheckStatus, Health, health_line, is_health, judge_health


def result(**statuses: str) -> dict:
    """A result with these checks, each with a detail."""
    checks = [
        {"id": name, "status": status, "detail": f"about {name}"}
        for name, status in statuses.items()
    ]
    return {"checks": checks, "healthy": True}


def test_fails_and_errors_are_reasons_and_warnings_are_not():
    """An error is no pass: nobody knows what the check would have found."""
    values = result(memory="ok", disk="fail", load="warn", time="error", wifi="skip")
    assert judge_health(values) == Health(
        healthy=False, reasons=("disk fail: about disk", "time error: about time")
    )


def test_warnings_are_reasons_where_they_are_asked_to_be():
    """The same result, judged strictly."""
    assert judge_health(result(load="warn")).healthy
    assert judge_health(result(load="warn"), warnings_fail=True).reasons == (
        "load warn: about load",
    )


def test_a_required_check_that_was_not_made_is_a_reason():
    """Skipped is not ok, and absent is not either."""
    health = judge_health(result(disk="ok", containers="skip"), required=["containers", "time"])
    assert health.reasons == ("containers skip: about containers", "time was not looked at")


def test_an_answer_without_checks_is_not_healthy():
    """Whatever the device says of itself."""
    for values in ({}, {"healthy": True}, {"healthy": True, "checks": []}, {"checks": "ok"}):
        assert not judge_health(values).healthy
        assert not is_health(values)


def test_a_status_that_nobody_knows_is_an_error():
    """A device cannot make up a status that passes."""
    assert judge_health(result(disk="fine")).reasons == ("disk error: about disk",)


def test_the_line_for_people_names_the_worst_first():
    """What folds over devices."""
    values = result(load="warn", disk="fail", memory="ok")
    assert health_line(values) == "disk fail about disk, load warn about load"
    assert health_line(result(memory="ok", wifi="skip")) == "ok"
    assert health_line(result(wifi="skip")) == "nothing to check"


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.sampled_from(list(CheckStatus))),
       st.booleans())
def test_healthy_means_no_reason(statuses: dict[str, CheckStatus], strict: bool):
    """A verdict is healthy exactly when it has no reason; and strictness only adds reasons."""
    values = {"checks": [{"id": k, "status": str(v)} for k, v in statuses.items()]}
    health = judge_health(values, warnings_fail=strict)
    assert health.healthy is not bool(health.reasons)
    strictest = judge_health(values, warnings_fail=True)
    assert set(judge_health(values).reasons) <= set(strictest.reasons)
