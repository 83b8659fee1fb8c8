"""Runs an operator's program (inventory, vault password) within limits of time and output."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

TIMEOUT_S = 30.0
MAX_OUTPUT_BYTES = 64 << 20
_MAX_STDERR_BYTES = 64 << 10
_MAX_SHOWN_CHARS = 200
_CHUNK_BYTES = 1 << 16
#: How long output may still come after the program itself has ended.
_DRAIN_S = 0.5
#: What looks like a secret in an error text, and what of it may be shown.
_SECRETS = (
    (re.compile(r"(?i)\b([\w-]*(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|credential"
                r"|authorization|bearer)[\w-]*['\"]?\s*(?:[=:]\s*|\s))(?:bearer\s+|basic\s+)?"
                r"(?:'[^']*'|\"[^\"]*\"|\S+)"), r"\1***"),
    (re.compile(r"(\w+://)[^/\s@]+@"), r"\1***@"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w+/=-]{20,}"), "***"),
)


class ProgramError(Exception):
    """The program gave no usable output; `kind` is a problem's kind."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def run_program(argv: Sequence[str]) -> bytes:
    """Returns what the program prints on stdout.

    Raises ProgramError when it cannot start, fails, takes longer than
    `TIMEOUT_S` or prints more than `MAX_OUTPUT_BYTES`; if it still runs then,
    it is killed with its process group.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # the operator named this program
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, bufsize=0,
        )
    except OSError as exc:
        raise ProgramError(
            f"cannot start: {exc.strerror}", kind="input/script-failed"
        ) from exc
    outputs = {"stdout": bytearray(), "stderr": bytearray()}
    try:
        deadline = time.monotonic() + TIMEOUT_S
        _collect(process, outputs, deadline)
        status = process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as exc:
        raise _timeout() from exc
    finally:
        _end(process)
    if status:
        how = f"exit status {status}" if status > 0 else f"signal {-status}"
        said = shorten(bytes(outputs["stderr"]))
        raise ProgramError(
            f"ended with {how}" + (f": {said}" if said else ""), kind="input/script-failed"
        )
    return bytes(outputs["stdout"])


def _timeout() -> ProgramError:
    return ProgramError(f"no answer within {TIMEOUT_S:g} s", kind="input/script-timeout")


def _collect(
    process: subprocess.Popen[bytes], outputs: dict[str, bytearray], deadline: float
) -> None:
    """Reads both pipes until they end, or are silent after the program has ended."""
    ended_at: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, "stdout")  # type: ignore[arg-type]  # PIPE was asked for
        selector.register(process.stderr, selectors.EVENT_READ, "stderr")  # type: ignore[arg-type]  # PIPE was asked for
        while selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                raise _timeout()
            if ended_at is None and process.poll() is not None:
                ended_at = now
            ready = selector.select(min(0.1, deadline - now))
            if not ready and ended_at is not None and now >= ended_at + _DRAIN_S:
                return  # a child in the background keeps the pipes open
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                _store(outputs[key.data], chunk, is_stdout=key.data == "stdout")


def _store(output: bytearray, chunk: bytes, *, is_stdout: bool) -> None:
    if is_stdout:
        output += chunk
        if len(output) > MAX_OUTPUT_BYTES:
            raise ProgramError(
                f"printed more than {MAX_OUTPUT_BYTES >> 20} MiB", kind="input/script-output"
            )
        return
    output += chunk
    del output[:-_MAX_STDERR_BYTES]  # the end says what went wrong


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills the program with its group if it still runs, and closes the pipes.

    Once it was waited for, its number may belong to another: nothing is killed.
    """
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def shorten(stderr: bytes) -> str:
    """The end of an error output for a message: one line, no secrets, no control signs."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    text = " / ".join([line for line in lines if line][-3:])
    text = "".join(char if char.isprintable() else "?" for char in text)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _MAX_SHOWN_CHARS else "..." + text[-_MAX_SHOWN_CHARS:]
