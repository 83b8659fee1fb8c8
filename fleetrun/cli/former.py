"""Devices of former runs, for `retry` and ``--limit @RUN.failed``."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from fleetrun.errors import InputError, Problem, UsageError
from fleetrun.model.result import Outcome

#: ``@last.failed,unreachable``: a run, a dot, and outcomes.
_OF_RUN: Final = re.compile(r"@(?:run:)?(?P<run>[\w-]+)\.(?P<outcome>[a-z]+)\Z")


def outcomes(text: str, *, flag: str) -> frozenset[Outcome]:
    """Returns the outcomes of a list such as ``failed,unreachable``; raises UsageError."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = names - {outcome.value for outcome in Outcome}
    if unknown or not names:
        raise UsageError(
            f"{flag} {text!r} names no outcome: {', '.join(sorted(unknown)) or 'empty'}",
            kind="usage/unknown-outcome", hint=f"known: {', '.join(Outcome)}",
        )
    return frozenset(Outcome(name) for name in names)


def devices_of(run: str, wanted: Collection[Outcome]) -> tuple[str, tuple[str, ...]]:
    """Returns a run's id and its devices with these outcomes.

    `run` is an id, a prefix of one, or ``last``. Raises UsageError when there
    is no such run, or no such device.
    """

    import asyncio  # noqa: PLC0415  # keeps --help quick

    async def find() -> tuple[str, tuple[str, ...]]:
        from fleetrun.app import final_outcomes  # noqa: PLC0415  # keeps --help quick
        from fleetrun.app.running import open_journal  # noqa: PLC0415

        async with open_journal() as journal:
            record = await journal.find_run(run)
            final = await final_outcomes(journal, record.run)
        return record.run, tuple(name for name, outcome in final.items() if outcome in wanted)

    found, devices = asyncio.run(find())
    if not devices:
        raise UsageError(
            f"no device of run {found} is {' or '.join(sorted(wanted))}",
            kind="usage/nothing-to-retry", hint=f"fleetrun runs show {found}",
        )
    return found, devices


def limit_text(limit: str) -> str:
    """Returns --limit with what stands behind an ``@`` in place of it.

    ``@FILE`` is a file of patterns; ``@RUN.OUTCOME,OUTCOME`` are the devices of
    a former run. Both may stand among other patterns, separated by commas.
    Raises InputError and UsageError; the result is never empty when `limit` is not.
    """
    if "@" not in limit:
        return limit
    parts = limit.split(",")
    if not any(part.lstrip().startswith("@") for part in parts):
        return limit
    return ",".join(_expanded(part.strip(), more) for part, more in _joined(parts))


def _joined(parts: list[str]) -> list[tuple[str, list[str]]]:
    """Each part with the outcomes that follow it: ``@last.failed,unreachable`` is one."""
    known = {outcome.value for outcome in Outcome}
    joined: list[tuple[str, list[str]]] = []
    for part in parts:
        if joined and part.strip() in known and _is_of_run(joined[-1][0].strip()):
            joined[-1][1].append(part.strip())
        elif part.strip():
            joined.append((part, []))
    return joined


def _is_of_run(text: str) -> bool:
    return _OF_RUN.match(text) is not None and not Path(text[1:]).exists()


def _expanded(part: str, more: list[str]) -> str:
    if not part.startswith("@"):
        return part
    if not _is_of_run(part):
        return _of_file(Path(part[1:]))
    found = _OF_RUN.match(part)
    if found is None:
        raise TypeError(part)
    wanted = outcomes(",".join([found["outcome"], *more]), flag="--limit")
    _, devices = devices_of(found["run"], wanted)
    return ",".join(devices)


def _of_file(path: Path) -> str:
    from fleetrun.planning.select import limit_from_lines  # noqa: PLC0415  # keeps --help quick

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        is_missing = isinstance(error, FileNotFoundError)
        raise InputError([
            Problem(
                kind="input/missing-file" if is_missing else "input/unreadable-file",
                message=f"--limit @{path}: {reason(error)}",
                hint="one device or pattern per line; devices of a former run: @last.failed",
            )
        ]) from error
    return limit_from_lines(lines)


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Returns why a file could not be read, in words."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"this is not UTF-8 text (byte 0x{error.object[error.start]:02x})"
