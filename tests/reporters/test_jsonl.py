"""The stable JSON lines."""

from __future__ import annotations

import asyncio
import io
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.model.events import DeviceStarted, StepAnswered, TaskFinished
from fleetrun.model.result import TaskResult, TaskStatus
from fleetrun.reporters.jsonl import JsonlReporter, event_line
from fleetrun.testing.factories import AT, every_event, make_event


def test_prints_a_version_and_then_every_event() -> None:
    """Line 1 names the format; seq counts from 1 without gaps."""
    out = io.StringIO()

    async def main() -> None:
        reporter = JsonlReporter(stdout=out, version="0.1.0")
        for event in every_event():
            await reporter.handle(event)
        await reporter.close()

    asyncio.run(main())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines[0] == {"type": "version", "format": 1, "fleetrun": "0.1.0"}
    assert [line["seq"] for line in lines[1:]] == list(range(1, len(every_event()) + 1))
    assert [line["type"] for line in lines[1:]] == [event.type for event in every_event()]


def test_has_all_fields_by_their_names() -> None:
    """An event line is flat, with the result as an object."""
    assert json.loads(event_line(make_event(DeviceStarted), 3)) == {
        "type": "device_started", "seq": 3, "at": AT, "play": 1, "device": "gw-01",
    }
    answered = json.loads(event_line(make_event(StepAnswered), 1))
    assert answered["result"]["values"]["stdout_lines"] == ["6.1.21"]


def test_is_valid_for_strict_parsers() -> None:
    """Bytes, lone surrogates and NaN become text and null."""
    values = {
        "raw": b"a\xff", "byte": "a\udcff", "lone": "\ud800", "pair": "\U0001f600",
        "nan": float("nan"), "deep": [{"x": [b"\x00"]}],
    }
    result = TaskResult(status=TaskStatus.OK, values=values)  # type: ignore[arg-type]
    line = event_line(make_event(StepAnswered, result=result), 1)
    assert "\\ud800" not in line.replace("\\\\ud800", "")
    assert json.loads(line)["result"]["values"] == {
        "raw": "a\\xff", "byte": "a\\xff", "lone": "\\ud800", "pair": "\U0001f600",
        "nan": None, "deep": [{"x": ["\x00"]}],
    }


def test_hides_no_log() -> None:
    """Values of a no_log task never reach stdout."""
    result = TaskResult(status=TaskStatus.OK, values={"stdout": "hunter2"})
    assert "hunter2" not in event_line(make_event(TaskFinished, result=result, no_log=True), 1)


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters()), st.text(st.characters()) | st.binary()))
def test_is_always_one_line_of_valid_json(values: dict[str, str | bytes]) -> None:
    """Whatever a device answers, the line parses and re-encodes as UTF-8."""
    result = TaskResult(status=TaskStatus.OK, values=values)
    line = event_line(make_event(StepAnswered, result=result), 1)
    assert "\n" not in line
    json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8")
