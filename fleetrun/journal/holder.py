"""Who holds a lease, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that holds, or wants, a lease."""

    pid: int
    host: str
    #: Boot id and PID namespace: PIDs compare only within one place.
    place: str
    #: Start time of the process in clock ticks; "" where /proc is missing.
    start: str

    @classmethod
    def current(cls) -> Self:
        """Returns this process."""
        pid = os.getpid()
        return cls(pid=pid, host=socket.gethostname(), place=_place(), start=_start(pid))

    @property
    def label(self) -> str:
        """``pid@host``, for people."""
        return f"{self.pid}@{self.host}"

    def is_surely_dead(self) -> bool:
        """True when the process ran in this very place and is gone.

        False says nothing: a process elsewhere cannot be looked up.
        """
        if not self.place or self.place != _place():
            return False
        if not self.start:
            return not _answers_signals(self.pid)
        return _start(self.pid) != self.start


@cache
def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _start(pid: int) -> str:
    """Start time of a process, "" when there is none (or only a zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # Source: proc_pid_stat(5). The name in parentheses may hold anything, so
    # fields are counted from the last ")": state is 0, starttime is 19.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
