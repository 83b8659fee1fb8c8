"""The generated page about events."""

from __future__ import annotations

from pathlib import Path

from fleetrun.reporters.reference import events_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"


def test_the_page_about_events_is_current() -> None:
    """Run `python -m fleetrun.reporters.reference > docs/reference/events.md`."""
    assert PAGE.read_text(encoding="utf-8") == events_reference()
