"""pipe and lines: programs that run on the controller, as the operator."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from fleetrun.planning.lookup_call import LookupCall

#: Rendering waits for the program, and every device waits for rendering.
TIMEOUT_S = 60.0
_MAX_BYTES = 16 << 20


class ProgramLookups:
    """The lookups that run what the operator wrote."""

    def __init__(self, base_dir: str, timeout_s: float = TIMEOUT_S) -> None:
        self._folder = base_dir if Path(base_dir).is_dir() else None
        self._timeout_s = timeout_s

    def pipe(self, call: LookupCall) -> list[str]:
        """Returns each command's output without its last line ends."""
        return [self._output(term).rstrip("\r\n") for term in call.terms]

    def lines(self, call: LookupCall) -> list[str]:
        """Returns the lines of all commands' output."""
        return [line for term in call.terms for line in self._output(term).splitlines()]

    def _output(self, command: Any) -> str:
        if not isinstance(command, str):
            raise TypeError(f"a command is a text, not a {type(command).__name__}")
        try:
            done = subprocess.run(  # noqa: S602  # the operator's own command line
                command, shell=True, cwd=self._folder, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, timeout=self._timeout_s, check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ValueError(
                f"{command} took more than {self._timeout_s:g} s; run it as a task "
                "that is delegated to localhost"
            ) from error
        except OSError as error:
            raise ValueError(f"cannot run {command}: {error.strerror}") from error
        if done.returncode != 0:
            raise ValueError(f"{command} returned {done.returncode}")
        if len(done.stdout) > _MAX_BYTES:
            raise ValueError(f"{command} wrote more than {_MAX_BYTES >> 20} MiB")
        return done.stdout.decode("utf-8", "surrogateescape")
