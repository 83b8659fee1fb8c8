"""Named points where a crash test kills this process.

``FLEETRUN_FAILPOINTS="journal.after_commit=kill@3,gate.before=kill@1"`` sends
SIGKILL to the process at the third passing of ``journal.after_commit`` and at
the first of ``gate.before``; ``=kill`` alone means ``=kill@1``. Without the
variable, `passing` is an empty function.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from fleetrun.errors import UsageError

VARIABLE = "FLEETRUN_FAILPOINTS"


def parse(text: str) -> dict[str, int]:
    """Returns point -> number of the passing that kills (from 1).

    Raises UsageError: a failpoint with a typo would make its test pass.
    """
    points: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, action = part.partition("=")
        verb, at, number = action.partition("@")
        count = number if at else "1"
        if not (name and equals and verb == "kill" and count.isdecimal() and int(count) > 0):
            raise UsageError(
                f"{VARIABLE}: `{part}` is no failpoint",
                kind="usage/failpoint",
                hint="write NAME=kill@N with N from 1",
            )
        points[name] = int(count)
    return points


def _nothing(_name: str) -> None:
    """The point costs one empty call."""


def killer(points: dict[str, int]) -> Callable[[str], None]:
    """Returns the function that counts passings and kills at the right one."""
    if not points:
        return _nothing
    left = dict(points)
    lock = threading.Lock()

    def count(name: str) -> None:
        if name not in left:
            return
        with lock:
            left[name] -= 1
            is_due = left[name] == 0
        if is_due:
            os.kill(os.getpid(), signal.SIGKILL)

    return count


#: Call it as ``failpoints.passing("journal.after_commit")``.
passing: Callable[[str], None] = killer(parse(os.environ.get(VARIABLE, "")))
