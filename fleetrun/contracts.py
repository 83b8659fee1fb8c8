"""Every port of fleetrun as a Protocol. Implementations are found by entry points.

Each port has a conformance suite under `fleetrun.testing`. All methods that
wait may be cancelled at any await; clean-up is then done by the callee.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from fleetrun.model.events import AnyEvent
from fleetrun.model.playbook import Node, Task
from fleetrun.model.result import TaskResult
from fleetrun.model.rollout import CheckVerdict, ExternalCheck
from fleetrun.model.run import Invocation, RunRecord, RunState, Wish
from fleetrun.model.steps import Reply, Step
from fleetrun.model.values import Vars


class Clock(Protocol):
    """Time, as an argument; tests give one that does not wait."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds` (0 yields once)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A jump host on the way to a device."""

    host: str
    port: int = 22
    user: str = ""
    #: Its pinned host keys; () = look it up in the known_hosts files.
    host_keys: tuple[str, ...] = ()
    #: Devices dial out to it, and are dialled there by their ids.
    is_bastion: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where and how to reach one device. Made from the device's variables."""

    #: The device's id: host keys are looked up under this name.
    device: str
    address: str
    port: int = 22
    user: str = ""
    private_keys: tuple[str, ...] = ()
    #: OpenSSH public host keys pinned in the inventory ("ssh-ed25519 AAAA…").
    host_keys: tuple[str, ...] = ()
    #: known_hosts files to look the device id up in, then its address.
    known_hosts: tuple[str, ...] = ()
    jumps: tuple[Hop, ...] = ()
    #: Bastions where the device has its tunnel, tried in this order.
    bastions: tuple[Hop, ...] = ()
    use_ssh_config: bool = False
    password: str | None = field(default=None, repr=False)
    connect_timeout_s: float = 10.0
    login_timeout_s: float = 15.0
    keepalive_interval_s: float = 15.0
    keepalive_count: int = 4
    #: Ciphers to prefer, asyncssh names; () = fleetrun's default order.
    ciphers: tuple[str, ...] = ()


class ByteStream(Protocol):
    """Both directions of one program on a device (an SSH channel, a pipe)."""

    #: Exit status once the program ended; None while it runs *and* when the
    #: link was lost (None never means success).
    exit_status: int | None
    #: Signal name without "SIG" when a signal ended the program, else "".
    exit_signal: str

    async def read(self) -> bytes:
        """Returns the next bytes of stdout (at least 1), b"" at its end.

        Raises LinkLostError when the link went away (not a clean end).
        Reads pause the sender when nobody reads: memory stays bounded.
        """
        ...

    async def read_stderr(self) -> bytes:
        """As `read`, for stderr."""
        ...

    async def write(self, content: bytes) -> None:
        """Sends `content`; returns when the send buffer has room again."""
        ...

    async def write_eof(self) -> None:
        """Ends the program's stdin."""
        ...

    async def close(self) -> None:
        """Closes the channel; safe to call twice, never raises."""
        ...


class Connection(Protocol):
    """A connection to one device."""

    async def open(self, command: str, *, pty: bool = False) -> ByteStream:
        """Starts `command` under the login user's shell.

        `command` holds nothing secret and nothing user-made.
        """
        ...

    async def close(self) -> None:
        """Closes everything; safe to call twice, never raises."""
        ...


class Transport(Protocol):
    """Makes connections. One instance per engine."""

    async def connect(self, target: Target) -> Connection:
        """Connects and authenticates; raises ConnectError with the true cause."""
        ...

    async def close(self) -> None:
        """Closes what connections share (jump hosts, agents)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to a run; `epoch` fences late writers."""

    run: str
    epoch: int
    owner: str


class Journal(Protocol):
    """The durable event store. All methods may be called from one event loop.

    Raises JournalError on IO errors, LockedError when a lease or a device lock
    is held by somebody who is alive.
    """

    async def create_run(
        self, run: str, title: str, invocation: Invocation, file_hashes: Mapping[str, str]
    ) -> Lease:
        """Stores a new run and takes its lease; durable on return."""
        ...

    async def take_lease(self, run: str) -> Lease:
        """Takes over a run whose engine is gone; epoch + 1."""
        ...

    async def renew_lease(self, lease: Lease) -> None:
        """Keeps the lease alive; raises LockedError when it was taken over."""
        ...

    def append(self, lease: Lease, event: AnyEvent) -> None:
        """Queues an event, in order; durable some milliseconds later."""
        ...

    async def commit(self, lease: Lease) -> None:
        """Returns when every event appended so far is durable (a barrier).

        Barriers of many devices share one fsync (group commit). Raises
        LockedError when the lease was lost: then nothing may be touched.
        """
        ...

    async def finish_run(self, lease: Lease, state: RunState, exit_code: int) -> None:
        """Closes the run and gives its lease and device locks back."""
        ...

    async def lock_device(self, lease: Lease, device: str) -> str:
        """Locks a device for the run; returns "" or the holder's run id."""
        ...

    async def unlock_device(self, lease: Lease, device: str) -> None:
        """Gives a device lock back."""
        ...

    async def add_wish(self, run: str, wish: Wish) -> None:
        """Stores what an operator wants of a run, durable on return; needs no lease.

        Raises UsageError when there is no run with exactly this id.
        """
        ...

    async def take_wishes(self, lease: Lease) -> Sequence[Wish]:
        """Returns the wishes for a run in the order they came, each once."""
        ...

    def events(self, run: str) -> AsyncIterator[AnyEvent]:
        """All events of a run, in order."""
        ...

    async def runs(self, *, limit: int = 50) -> Sequence[RunRecord]:
        """Latest runs first."""
        ...

    async def find_run(self, run: str) -> RunRecord:
        """A run by id, unique id prefix or "last"; raises UsageError."""
        ...

    async def close(self) -> None:
        """Flushes and closes."""
        ...


class Reporter(Protocol):
    """A best-effort consumer of events (terminal, JSON lines, report …)."""

    async def handle(self, event: AnyEvent) -> None:
        """Shows one event. May raise: it is then detached with a warning."""
        ...

    async def close(self) -> None:
        """Ends output; called once, also after an error."""
        ...


class TaskFileLoader(Protocol):
    """Loads the task file of an ``include_tasks`` while a run goes on."""

    def load_tasks(self, path: str, include: Task) -> tuple[Node, ...]:
        """Returns the nodes of the file `path` names, ids below `include.id`.

        Relative paths start at `include.base_dir`. Cached. Raises InputError.
        """
        ...


class FileReader(Protocol):
    """Reads the operator's files for copy, template and script."""

    def find(self, name: str, folder: str, bases: tuple[str, ...]) -> str:
        """Path of `name`, looked up in `folder` of each of `bases`, then in the base itself.

        Raises InputError that lists where it looked.
        """
        ...

    def read(self, path: str, *, decrypt: bool = True) -> bytes:
        """Content of a file, a vault's in plain unless told otherwise; raises InputError."""
        ...


class VarsFileReader(Protocol):
    """Reads the operator's files of variables while a run goes on."""

    def find(self, name: str, bases: Sequence[str]) -> str | None:
        """Path of `name` in vars/ of the first of `bases` that has it, or beside it; or None."""
        ...

    def read(self, path: str) -> Vars:
        """Variables as they are written, templates included; raises InputError."""
        ...

    def files_below(self, folder: str, depth: int) -> list[str]:
        """Files below `folder`, sorted, `depth` levels deep (0 = all); raises InputError."""
        ...


class SecretSource(Protocol):
    """Where passwords come from (prompt, file); asked at most once each."""

    def become_password(self, device: str) -> str | None:
        """The password for privilege escalation, or None."""
        ...


class GateProbe(Protocol):
    """Runs the external check of a gate, on the controller."""

    async def __call__(
        self, check: ExternalCheck, told: Mapping[str, str]
    ) -> tuple[CheckVerdict, str]:
        """Returns the verdict and a line for people; a check that fails never raises.

        `told` are environment variables for the command.
        """
        ...


class Backend(Protocol):
    """Where shards run."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Starts the workers, stops them on exit."""
        ...


class DeviceLink(Protocol):
    """A device as a dialogue (reboot, wait_for_connection, fetch …) sees it."""

    #: The device's id.
    @property
    def device(self) -> str: ...

    #: boot_id of the session that is open now; "" before the first.
    @property
    def boot_id(self) -> str: ...

    clock: Clock

    async def run_step(self, step: Step) -> Reply:
        """Runs one step on the device, as its identity; never raises for its failure."""
        ...

    async def fetch(self, path: str, max_bytes: int, step: Step) -> bytes:
        """Content of a file on the device; raises FleetrunError."""
        ...

    async def reconnect(self, *, connect_timeout_s: float | None = None) -> None:
        """Drops the connection and makes a new one; raises ConnectError."""
        ...

    async def drop(self) -> None:
        """Closes the connection; the next use connects again."""
        ...


class Dialogue(Protocol):
    """A DIALOGUE module: the controller's side of it."""

    async def __call__(self, step: Step, link: DeviceLink, *, intended_boot_id: str) -> TaskResult:
        """Returns the task's result; raises ConnectError and LinkLostError.

        `intended_boot_id` is "" for a first try; on resume it is the boot_id
        that the device had when the step was intended.
        """
        ...
