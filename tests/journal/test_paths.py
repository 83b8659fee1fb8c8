"""Where the state folder is."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.journal.paths import state_folder


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/h"}, "/h/.local/state/fleetrun"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/fleetrun"),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/fleetrun"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x", "FLEETRUN_STATE": "/f"}, "/f"),
        ({"HOME": "/h", "FLEETRUN_STATE": ""}, "/h/.local/state/fleetrun"),
    ],
)
def test_state_folder_follows_the_environment(environ: dict[str, str], expected: str) -> None:
    """FLEETRUN_STATE wins, then an absolute XDG_STATE_HOME, then the home."""
    assert state_folder(environ) == Path(expected)
