"""The external check of a gate: a command on this machine, or an HTTP request."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from fleetrun.model.rollout import CheckVerdict, ExternalCheck

#: Exit status with which a command says that it cannot tell (sysexits.h: EX_TEMPFAIL).
INCONCLUSIVE_STATUS: Final = 75
#: Bytes of output that are read, and characters of its last line that are kept.
_READ_BYTES: Final = 64 * 1024
_TEXT_CHARS: Final = 300

_Answer = tuple[CheckVerdict, str]


class GateProbe:
    """contracts.GateProbe; commands run in the playbook's folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    async def __call__(self, check: ExternalCheck, told: Mapping[str, str]) -> _Answer:
        """Returns the verdict and a line for people; never raises for the check's failure."""
        if check.url:
            return await asyncio.to_thread(_request, check)
        return await self._run(check, told)

    async def _run(self, check: ExternalCheck, told: Mapping[str, str]) -> _Answer:
        try:
            process = await asyncio.create_subprocess_exec(
                *check.cmd, cwd=self._folder, env={**os.environ, **told},
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            )
        except OSError as error:
            return CheckVerdict.INCONCLUSIVE, f"cannot start {check.cmd[0]}: {error.strerror}"
        try:
            async with asyncio.timeout(check.timeout_s):
                output = await _tail(process)
                status = await process.wait()
        except TimeoutError:
            return CheckVerdict.INCONCLUSIVE, f"no answer within {check.timeout_s:g} s"
        finally:
            # Also what it left running: it has a process group of its own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return _verdict(status), output or f"status {status}"


def _verdict(status: int) -> CheckVerdict:
    if status == 0:
        return CheckVerdict.OK
    is_unsure = status == INCONCLUSIVE_STATUS or status < 0
    return CheckVerdict.INCONCLUSIVE if is_unsure else CheckVerdict.FAILED


async def _tail(process: asyncio.subprocess.Process) -> str:
    """The last line of the output, which may be without end."""
    if process.stdout is None:
        return ""
    kept = b""
    while chunk := await process.stdout.read(_READ_BYTES):
        kept = (kept + chunk)[-_READ_BYTES:]
    lines = kept.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][-_TEXT_CHARS:] if lines else ""


def _request(check: ExternalCheck) -> _Answer:
    try:
        # The loader lets http and https through alone.
        request = Request(check.url)  # noqa: S310
        with urlopen(request, timeout=check.timeout_s) as answer:  # noqa: S310
            status = int(answer.status)
    except HTTPError as error:
        error.close()
        status = error.code
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        return CheckVerdict.INCONCLUSIVE, f"no answer: {reason}"[:_TEXT_CHARS]
    is_ok = status == check.status
    return CheckVerdict.OK if is_ok else CheckVerdict.FAILED, f"HTTP {status}"
