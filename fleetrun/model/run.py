"""A run as asked for: the invocation, kept whole in the journal for `resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fleetrun.model.values import Vars


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """Everything that decides what a run does, apart from secrets."""

    #: Path of the playbook; "" for an ad-hoc run.
    playbook: str = ""
    inventories: tuple[str, ...] = ()
    #: Pattern of --limit; "" = no limit.
    limit: str = ""
    extra_vars: Vars = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    start_at_task: str = ""
    check: bool = False
    diff: bool = False
    forks: int = 50
    remote_user: str = ""
    private_keys: tuple[str, ...] = ()
    connection: str = "ssh"
    become: bool = False
    become_user: str = ""
    become_method: str = ""
    ask_become_pass: bool = False
    use_ssh_config: bool = False
    #: Where vault passwords come from, each as label@where; never a password.
    vault_ids: tuple[str, ...] = ()
    force_handlers: bool = False
    #: Conditions must give true or false.
    strict: bool = False
    #: Folders of roles beside roles/ next to the playbook; () = Ansible's own.
    roles_path: tuple[str, ...] = ()
    #: Folders of modules beside library/ next to the playbook.
    module_path: tuple[str, ...] = ()
    #: ``ansible_…`` variables of connections that hold where a device has no own.
    connection_vars: Vars = field(default_factory=dict)
    #: implicit | explicit (facts only where a play says so) | smart
    gathering: str = "implicit"
    #: For plays that do not say it.
    any_errors_fatal: bool = False
    #: Ask before each task.
    step: bool = False
    #: fail | wait
    on_busy: str = "fail"
    #: Ad hoc: pattern, module and arguments; the playbook is made of them.
    pattern: str = ""
    module: str = ""
    module_args: str = ""
    #: Ad hoc: keywords of the task, such as timeout and async.
    task_keywords: Vars = field(default_factory=dict)
    #: Ad hoc: sizes of the stages, cumulative, as in ``pick``; () = all at once.
    stages: tuple[str, ...] = ()
    #: Ad hoc: time from the last success of a stage to the next, as in ``soak``.
    soak: str = ""
    #: Order seed; also keeps `shuffle` the same on resume.
    seed: str = ""
    #: Run this one was retried from, or "".
    retry_of: str = ""


class Decision(StrEnum):
    """The operator's word for an interrupted step that must not be repeated unasked."""

    #: It may run once more.
    RERUN = "rerun"
    #: It counts as done and changed.
    DONE = "done"


class WishKind(StrEnum):
    """What an operator at another shell can want of a run."""

    #: Start nothing more until `PROMOTE`.
    PAUSE = "pause"
    #: Go on: ends a pause, a soak and a wait for approval.
    PROMOTE = "promote"
    APPROVE = "approve"
    #: Start nothing more, for good.
    ABORT = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Waits in the journal until the run's engine takes it."""

    kind: WishKind
    #: Who says so, "user@host".
    by: str
    #: Approvals: the stage's name; "" = the one that waits.
    stage: str = ""


class RunState(StrEnum):
    """Life of a run in the journal."""

    RUNNING = "running"
    FINISHED = "finished"
    HALTED = "halted"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One row of `fleetrun runs list`."""

    run: str
    title: str
    state: RunState
    created_at: float
    finished_at: float | None
    exit_code: int | None
    invocation: Invocation
    #: sha256 of every file the run was loaded from, by absolute path.
    file_hashes: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    #: Who holds the lease now: "pid@host", or "".
    owner: str = ""
    cwd: str = ""
