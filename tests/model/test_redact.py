"""Secrets leave every field; what a run is rebuilt from stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetrun.model.events import AnyEvent, DeviceStarted, Notice, RunFinished, TaskFinished
from fleetrun.model.redact import MASK, Redactor, SecretBook, censor
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.testing.factories import every_event, make_event

SECRET = "correct horse"


def finished(**values: object) -> TaskFinished:
    result = TaskResult(status=TaskStatus.OK, values=values)  # type: ignore[arg-type]
    return make_event(TaskFinished, result=result)


@pytest.mark.parametrize("event", every_event(), ids=lambda event: event.type)
def test_returns_the_same_object_without_a_secret(event: AnyEvent) -> None:
    """Nothing is copied when there is nothing to hide."""
    assert Redactor(()).clean(event) is event
    assert Redactor((SECRET,)).clean(event) is event


def test_masks_text_at_any_depth() -> None:
    """Strings in lists, mappings, keys and bytes are all cleaned."""
    event = finished(
        msg=f"a {SECRET} b {SECRET}", lines=["x", SECRET], deep={"a": ({SECRET: 1},)},
        raw=b"\xff" + SECRET.encode(), rc=0, none=None,
    )
    expected = {
        "msg": f"a {MASK} b {MASK}", "lines": ["x", MASK], "deep": {"a": ({MASK: 1},)},
        "raw": b"\xff" + MASK.encode(), "rc": 0, "none": None,
    }
    assert expected == Redactor((SECRET,)).clean(event).result.values


def test_masks_plain_fields() -> None:
    """Reasons, messages and commands are cleaned too."""
    redactor = Redactor((SECRET,))
    event = make_event(RunFinished, reason=SECRET, next_commands=(f"run -e p={SECRET}",))
    cleaned = redactor.clean(event)
    assert (MASK, (f"run -e p={MASK}",)) == (cleaned.reason, cleaned.next_commands)
    assert redactor.clean(make_event(Notice, message=SECRET)).message == MASK


def test_masks_the_longer_secret_as_a_whole() -> None:
    """A secret that contains another one leaves no rest."""
    assert Redactor(("horse", SECRET)).text(SECRET) == MASK


@pytest.mark.parametrize("shown", ['a\\"b\\\\c', "a'\\''b", "line one, long", "line two, long"])
def test_masks_other_spellings(shown: str) -> None:
    """JSON quoting, shell quoting and single lines of a secret are found."""
    secrets = ('a"b\\c', "a'b", "line one, long\nline two, long\n}\n")
    assert Redactor(secrets).text(f"<{shown}>") == f"<{MASK}>"


def test_keeps_short_lines_and_empty_secrets() -> None:
    """The brace of a key file, or no password at all, masks nothing."""
    assert Redactor(("", "  ", "{\n}\n")).text("{ a } ") == "{ a } "


def test_keeps_names_of_devices() -> None:
    """A device named after a password must still be found at resume."""
    event = make_event(DeviceStarted, device="raspberry-01")
    assert Redactor(("raspberry",)).clean(event) is event


def test_censors_only_what_is_no_log() -> None:
    """The status stays, every value goes."""
    event = finished(stdout=SECRET, rc=1)
    assert censor(event) is event
    hidden = censor(make_event(TaskFinished, result=event.result, no_log=True))
    assert (hidden.result.status, list(hidden.result.values)) == (TaskStatus.OK, ["censored"])


@given(
    secrets=st.lists(st.text("ab{.", min_size=1, max_size=5), max_size=8),
    text=st.text("ab{.", max_size=30),
)
def test_many_secrets_are_hidden_as_one_by_one(secrets: list[str], text: str) -> None:
    """What is left is what a list of all spellings, the longest first, leaves."""
    ordered = sorted(filter(str.strip, secrets), key=len, reverse=True)
    pattern = "|".join(map(re.escape, ordered))
    expected = re.sub(pattern, MASK, text) if ordered else text
    assert Redactor(secrets).text(text) == expected


def test_a_pattern_of_very_many_beginnings_of_each_other_is_built() -> None:
    """No depth of nesting breaks the compiler of patterns."""
    redactor = Redactor(["a" * length for length in range(1, 500)])
    assert redactor.text("x" + "a" * 499 + "y") == f"x{MASK}y"


def test_what_is_found_later_is_hidden_from_then_on() -> None:
    """A book of secrets may grow while a run goes on; numbers in results count, too."""
    book = SecretBook()
    redactor = Redactor((), book)
    event = finished(pin=98765, n=[98765, 1])
    assert redactor.clean(event) is event
    book.add("98765")
    book.add("no")  # too short to be taken out everywhere
    assert redactor.clean(event).result.values == {"pin": MASK, "n": [MASK, 1]}
    assert redactor.text("no 98765") == f"no {MASK}"


@pytest.mark.parametrize(
    "shown", ["Y29ycmVjdCBob3JzZQ", "correct%20horse", "correct horse"]
)
def test_a_secret_is_hidden_in_base64_and_urls(shown: str) -> None:
    """As b64encode, slurp and urlencode give it."""
    assert Redactor((SECRET,)).text(f"<{shown}>") == f"<{MASK}>"
