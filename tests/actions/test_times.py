"""file: times in the operator's format."""

from __future__ import annotations

import pytest

from fleetrun.planning.arguments import ArgumentError


def test_times_are_written_for_touch(prepare) -> None:
    """Each has its own format; now and preserve stay."""
    found = prepare("file", {
        "path": "f", "modification_time": "2020-01-02", "modification_time_format": "%Y-%m-%d",
        "access_time": "202001020304.05", "access_time_format": "%Y%m%d%H%M.%S",
    })
    assert found.args == {
        "path": "f", "modification_time": "202001020000.00", "access_time": "202001020304.05",
    }
    args = {"path": "f", "modification_time": "now", "access_time": "preserve"}
    assert prepare("file", args).args == args


def test_what_is_no_time_is_refused(prepare) -> None:
    """The task stops before the device is touched."""
    with pytest.raises(ArgumentError, match="`access_time` is not a time as %Y"):
        prepare("file", {"path": "f", "access_time": "soon", "access_time_format": "%Y"})
