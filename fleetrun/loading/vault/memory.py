"""Keeps secrets in memory out of core dumps and other processes."""

from __future__ import annotations

import ctypes
from typing import Final

#: Source: prctl(2).
_PR_SET_DUMPABLE: Final = 4


def forbid_dumps() -> bool:
    """Forbids core dumps and ptrace of this process; False where that cannot be done.

    Programs that this process starts are dumpable again: execve resets it.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
