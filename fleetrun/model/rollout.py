"""What a rollout is asked to do: stages, limits, gates and the graph of groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleetrun.errors import Mark


class SizeUnit(StrEnum):
    """How a stage's or a limit's size is counted."""

    COUNT = "count"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A number of devices: 59, or 10 percent of the selection."""

    value: float
    unit: SizeUnit = SizeUnit.COUNT


class FailureClass(StrEnum):
    """Classes of failure that a gate can count."""

    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"
    #: failed or unknown.
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRule:
    """Halt when a class of failure passes a limit; shares are of *attempted*."""

    failure_class: FailureClass = FailureClass.FAILED
    #: Halt when strictly more than this share (0..100) of attempted failed.
    over_pct: float | None = None
    #: Halt when at least this many failed.
    count: int | None = None
    #: The share is judged only from this many attempted devices on.
    min_sample: int = 1
    mark: Mark | None = None


class CheckVerdict(StrEnum):
    """What an external check says."""

    OK = "ok"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class OnInconclusive(StrEnum):
    """What an inconclusive check means."""

    #: A person decides.
    PAUSE = "pause"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalCheck:
    """``external:`` of a gate: a command on the controller, or a URL."""

    cmd: tuple[str, ...] = ()
    url: str = ""
    #: HTTP status that passes.
    status: int = 200
    #: Seconds between the end of one check and the next.
    every_s: float = 60.0
    #: So many must pass.
    count: int = 1
    #: So many may fail.
    failure_limit: int = 0
    timeout_s: float = 60.0
    inconclusive: OnInconclusive = OnInconclusive.PAUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What must hold before the next stage starts."""

    #: Share (0..100) of attempted devices that must have succeeded.
    success_pct: float | None = None
    abort_on: tuple[AbortRule, ...] = ()
    #: Share (0..100) of a stage that may be unreachable without holding it up.
    unreachable_budget_pct: float = 100.0
    external: ExternalCheck | None = None


class OnTimeout(StrEnum):
    """What becomes of a stage that nobody approved in time."""

    ABORT = "abort"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """``pause:`` of a stage: a person must say that the rollout may go on."""

    #: Who is asked, for people.
    who: str
    #: Seconds from the stage's start; None = for ever.
    timeout_s: float | None = None
    on_timeout: OnTimeout = OnTimeout.ABORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """``pick: {per: [...], count: N}``: so many devices of each combination of values."""

    #: Variables.
    per: tuple[str, ...]
    #: Devices of each combination up to and including the stage.
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """One stage; sizes are cumulative over the selection."""

    name: str
    #: None for a sample, and for a stage that only waits for an approval.
    size: Size | None
    sample: Sample | None = None
    gate: Gate | None = None
    #: Seconds from the last success until the next stage may start.
    soak_s: float = 0.0
    approval: Approval | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSpec:
    """``limits:``: most devices at work at once that share a variable's value."""

    per: str
    #: A share is of the selected devices with the same value.
    size: Size
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSpec:
    """``rate:``: how many devices start per minute."""

    per_minute: float
    #: The rate is multiplied by this each time `grow_after` more succeeded.
    growth: float = 1.0
    grow_after: int = 1
    max_per_minute: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """`group` starts after `after` within each stage."""

    group: str
    after: tuple[str, ...]
    #: Share (0..100) of each upstream group's attempted devices that must have
    #: succeeded; None = at least one device.
    need_pct: float | None = None
    #: A variable: a device waits only for those of `after` with the same value
    #: of it; "" = for all of them.
    scope: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSpec:
    """``rollout:`` of a play. No stages means one stage with everything."""

    stages: tuple[StageSpec, ...] = ()
    #: None = the run's --forks.
    concurrency: int | None = None
    gate: Gate = field(default_factory=Gate)
    #: Ansible's ``serial``: batches instead of stages; the last size repeats.
    serial: tuple[Size, ...] = ()
    #: Ansible's ``max_fail_percentage``: share (0..100) of a batch (without
    #: ``serial``: of a stage) that may fail or be unreachable; None = no limit.
    max_fail_pct: float | None = None
    #: stable | inventory | reverse_inventory | sorted | reverse_sorted | shuffle
    order: str = "inventory"
    limits: tuple[LimitSpec, ...] = ()
    rate: RateSpec | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """A stage with its members: disjoint from the other stages."""

    name: str
    #: Waves of the group graph, in order; each a tuple of device names.
    waves: tuple[tuple[str, ...], ...]
    gate: Gate
    #: The gate is the play's: its abort rules also count over all such stages.
    shares_gate: bool = False
    #: When all of it fails, nothing follows (Ansible's rule for ``serial``).
    needs_survivor: bool = False
    #: See `StageSpec`.
    soak_s: float = 0.0
    approval: Approval | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """All members in start order."""
        return tuple(name for wave in self.waves for name in wave)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPlan:
    """A limit with what it says for each device; others are not limited."""

    #: The variable's name.
    per: str
    #: device -> value of the variable.
    value_of: Mapping[str, str]
    #: value -> most devices of it at once, at least 1.
    most: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPlan:
    """Everything that `Rollout` needs; made by `planning.planner`."""

    stages: tuple[StagePlan, ...]
    #: Most devices in flight at any instant, at least 1.
    concurrency: int
    #: Names of the waves (groups joined with "+"), for people.
    wave_names: tuple[str, ...] = ()
    #: wave -> positions of the waves that must settle before it opens, in each
    #: stage; None = every wave waits for all before it.
    waits_for: tuple[tuple[int, ...], ...] | None = None
    #: device -> groups that must have succeeded first (for "skipped" reasons).
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: device -> `GraphEdge.need_pct` for each of its `upstream` groups.
    need_pct: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    #: device -> groups it belongs to that are upstream of others.
    member_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_errors_fatal: bool = False
    #: See `RolloutSpec.max_fail_pct`; strictly more than this halts.
    max_fail_pct: float | None = None
    limits: tuple[LimitPlan, ...] = ()
    rate: RateSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutHistory:
    """What the journal has of a rollout when another engine goes on with it."""

    #: Devices whose outcome is known and will be told as they are started:
    #: no limit holds them up, since they are over.
    settled: frozenset[str] = frozenset()
    #: When the play began, seconds since the epoch; None = now.
    began_at: float | None = None
    #: stage -> when it began, seconds since the epoch.
    opened_at: Mapping[int, float] = field(default_factory=dict)
    #: Stages that passed.
    passed: frozenset[int] = frozenset()
    #: Stages that the operator let go on: approved, or the soak cut short.
    released: frozenset[int] = frozenset()
    #: stage -> what its external checks said, in order: verdict and text.
    checks: Mapping[int, tuple[tuple[CheckVerdict, str], ...]] = field(default_factory=dict)
    #: The latest start of a device.
    last_start: float | None = None
    #: Devices that started and whose outcome is not known.
    begun: frozenset[str] = frozenset()
    #: Why the run was aborted for good, or "": only what has begun is settled.
    aborted: str = ""
