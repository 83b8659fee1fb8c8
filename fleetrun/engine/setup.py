"""What a run is made of, put together by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleetrun.contracts import Clock, Dialogue, GateProbe, SecretSource, Transport
from fleetrun.engine.wishes import Wishes
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Play
from fleetrun.model.rollout import RolloutPlan
from fleetrun.model.run import Invocation
from fleetrun.model.values import Vars
from fleetrun.planning.toolbox import ProgramOptions, Toolbox
from fleetrun.planning.variables import BaseVars


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayPlan:
    """A play with the devices that it selects and how it rolls out."""

    play: Play
    #: Order of the inventory.
    selection: tuple[str, ...]
    rollout: RolloutPlan
    #: On resume: selected when the run began, and by nobody any more.
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSetup:
    """Everything of a run that does not change while it runs."""

    run: str
    title: str
    invocation: Invocation
    inventory: Inventory
    plans: tuple[PlayPlan, ...]
    playbook_dir: str
    toolbox: Toolbox
    options: ProgramOptions
    base_vars: BaseVars
    #: Text of the shell runtime.
    lib: str
    #: By ansible_connection.
    transports: Mapping[str, Transport]
    dialogues: Mapping[str, Dialogue]
    secrets: SecretSource
    clock: Clock
    #: For devices whose variables have no password.
    login_password: str | None = field(default=None, repr=False)
    #: What the operator says of interrupted steps, at `resume`.
    wishes: Wishes = field(default_factory=Wishes)
    known_hosts: tuple[str, ...] = ()
    connect_attempts: int = 3
    #: Vars of --extra-vars, trusted text included.
    extra_vars: Vars = field(default_factory=dict)
    #: Reads the inventory's sources again (``meta: refresh_inventory``).
    reload: Callable[[], Inventory] | None = None
    #: Plans a play for the inventory as it is when the play begins.
    replan: Callable[[PlayPlan, Inventory], PlayPlan] | None = None
    #: Runs the external checks of gates; None where nothing has any.
    probe: GateProbe | None = None
    #: What the loaders want a person to know.
    warnings: tuple[str, ...] = ()
