"""From outcomes of plays to the outcome, exit code and next commands of a run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from fleetrun.errors import ExitCode
from fleetrun.model.result import Outcome

#: The later one in this list wins when a device has several plays.
_WEIGHT = (
    Outcome.SKIPPED, Outcome.OK, Outcome.CHANGED, Outcome.PENDING, Outcome.CANCELLED,
    Outcome.UNREACHABLE, Outcome.FAILED, Outcome.UNKNOWN,
)

#: Outcomes after which a device takes no part in later plays (rule 10).
ENDS_RUN = frozenset({
    Outcome.FAILED, Outcome.UNREACHABLE, Outcome.UNKNOWN, Outcome.CANCELLED,
})


def combine(former: Outcome | None, latter: Outcome) -> Outcome:
    """Returns the outcome of a device over two plays."""
    if former is None:
        return latter
    return max(former, latter, key=_WEIGHT.index)


def count(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Returns how many devices have each outcome, in the order of the enum."""
    counter = Counter(outcomes)
    return {outcome.value: counter[outcome] for outcome in Outcome if counter[outcome]}


def exit_code(
    outcomes: Mapping[str, Outcome], *, is_halted: bool, is_interrupted: bool
) -> ExitCode:
    """Returns the exit code of a run. Precedence: 130, 7, 5, 3, 4, 0."""
    seen = set(outcomes.values())
    if is_interrupted:
        return ExitCode.INTERRUPTED
    if Outcome.UNKNOWN in seen:
        return ExitCode.UNKNOWN
    if is_halted:
        return ExitCode.HALTED
    if Outcome.FAILED in seen:
        return ExitCode.FAILED
    if Outcome.UNREACHABLE in seen:
        return ExitCode.UNREACHABLE
    return ExitCode.OK


def next_commands(run: str, code: ExitCode, outcomes: Mapping[str, Outcome]) -> tuple[str, ...]:
    """Returns what a person may type next; never empty unless all is well."""
    if code is ExitCode.OK:
        return ()
    show = f"fleetrun runs show {run}"
    if code in {ExitCode.INTERRUPTED, ExitCode.UNKNOWN}:
        return (f"fleetrun resume {run}", show)
    seen = {outcome.value for outcome in set(outcomes.values())}
    wanted = [name for name in ("failed", "unreachable", "cancelled") if name in seen]
    if code is ExitCode.HALTED:
        return (show, f"fleetrun retry {run} --only {','.join(wanted) or 'failed'}")
    return (f"fleetrun retry {run} --only {','.join(wanted) or 'failed'}", show)
