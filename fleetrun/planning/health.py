"""What the module `diagnostics` said of a device, as a verdict. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fleetrun.model.values import Value


class CheckStatus(StrEnum):
    """What became of one check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    #: What the check reads is not there, so it says nothing.
    SKIP = "skip"
    #: It should be there and could not be read, or took too long.
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a device is well, and if not, why."""

    healthy: bool
    #: Sentences such as "disk fail: 4 % free on /data", in the order of the
    #: checks; not empty when not healthy.
    reasons: tuple[str, ...] = ()


def judge_health(
    values: Mapping[str, Value], *, required: Collection[str] = (), warnings_fail: bool = False
) -> Health:
    """Returns the verdict on one device's result of `diagnostics`.

    A check that fails or that could not be made is a reason, and so is an
    answer without checks: what nobody looked at is not healthy.

    Args:
        values: the task's result: `checks` is a list of {id, status, detail}.
        required: ids of checks that must have been made; skipped or absent
            ones are reasons. Give what `gate.checks` names.
        warnings_fail: warnings are reasons, too.
    """
    checks = _checks(values)
    if not checks:
        return Health(healthy=False, reasons=("the device said nothing of its health",))
    bad = {CheckStatus.FAIL, CheckStatus.ERROR} | ({CheckStatus.WARN} if warnings_fail else set())
    reasons = [
        _reason(name, status, detail) for name, (status, detail) in checks.items()
        if status in bad or (status is CheckStatus.SKIP and name in required)
    ]
    reasons += [f"{name} was not looked at" for name in sorted(set(required) - set(checks))]
    return Health(healthy=not reasons, reasons=tuple(reasons))


def health_line(values: Mapping[str, Value]) -> str:
    """Returns "ok", or what is wrong with a device in one line, worst first."""
    checks = _checks(values)
    order = (CheckStatus.FAIL, CheckStatus.ERROR, CheckStatus.WARN)
    parts = [
        f"{name} {status}{' ' if detail else ''}{detail}"
        for wanted in order for name, (status, detail) in checks.items() if status is wanted
    ]
    if parts:
        return ", ".join(parts)
    has_ok = any(status is CheckStatus.OK for status, _ in checks.values())
    return "ok" if has_ok else "nothing to check"


def is_health(values: Mapping[str, Value]) -> bool:
    """True for a result of `diagnostics`."""
    return isinstance(values.get("healthy"), bool) and bool(_checks(values))


def _reason(name: str, status: CheckStatus, detail: str) -> str:
    return f"{name} {status}: {detail}" if detail else f"{name} {status}"


def _checks(values: Mapping[str, Value]) -> dict[str, tuple[CheckStatus, str]]:
    """Id -> status and detail; what a device made up counts as an error."""
    found: dict[str, tuple[CheckStatus, str]] = {}
    listed = values.get("checks")
    for one in listed if isinstance(listed, list | tuple) else ():
        if not isinstance(one, Mapping):
            continue
        word, detail = str(one.get("status")), str(one.get("detail") or "")
        status = CheckStatus(word) if word in set(CheckStatus) else CheckStatus.ERROR
        found[str(one.get("id"))] = status, detail
    return found
