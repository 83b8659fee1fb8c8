"""What all devices of a run share and plays may change: inventory, variables, errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fleetrun.model.events import AnyEvent, TaskFinished
from fleetrun.model.inventory import Inventory
from fleetrun.model.steps import Place, Shared
from fleetrun.model.values import Value, Vars
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.inventory_changes import grow
from fleetrun.planning.select import LOCAL_NAMES, implicit_localhost
from fleetrun.planning.stats import Stat, from_result
from fleetrun.planning.variables import BaseVars, LayeredVars, own_vars


class World:
    """The inventory as it is now, and what each device has learned."""

    def __init__(
        self, inventory: Inventory, base_vars: BaseVars,
        reload: Callable[[], Inventory] | None = None,
    ) -> None:
        """`reload` reads the inventory's sources again."""
        self.inventory = inventory
        self.base_vars = base_vars
        #: Counts up when the inventory changes.
        self.version = 0
        #: Devices whose failure was forgiven (``meta: clear_host_errors``).
        self.is_forgiven: set[str] = set()
        #: Devices that earlier batches and plays lost.
        self.lost: set[str] = set()
        #: What set_stats set.
        self.stats: list[Stat] = []
        self._reload = reload
        self._states: dict[str, DeviceState] = {}
        self._changes: list[tuple[str, Mapping[str, Value]]] = []

    def state(self, device: str) -> DeviceState:
        """Returns a device's facts and variables, made when first asked for."""
        state = self._states.get(device)
        if state is None:
            state = self._states[device] = DeviceState()
        return state

    def note(self, event: AnyEvent) -> None:
        """Keeps what a finished task set for the end of the run."""
        if isinstance(event, TaskFinished) and event.module == "set_stats" and not event.no_log:
            self.stats += from_result(event.play, event.task, event.device, event.result.values)

    def forget_past(self) -> None:
        """A play begins: nobody looks back into the one before."""
        for state in self._states.values():
            state.forget_past()

    def lose(self, device: str) -> None:
        """A device takes no part in later batches and plays (rule 10)."""
        self.lost.add(device)
        self.is_forgiven.discard(device)

    def vars_of(self, device: str) -> Vars:
        """Returns levels 3 to 10 of a device's variables, also of one nobody lists."""
        if device in self.inventory.devices:
            return self.base_vars.of(device)
        own: Vars = own_vars(implicit_localhost().layers) if device in LOCAL_NAMES else {}
        return LayeredVars(own, self.base_vars.of_all())

    def share(self, members: Sequence[str], place: Place, shared: Mapping[str, Shared]) -> None:
        """Gives out what tasks shared, in the order of the batch."""
        changes: list[tuple[str, Mapping[str, Value]]] = []
        for device, gift in shared.items():
            if gift.variables or gift.facts:
                for other in members:
                    if other != device:
                        self.state(other).write(gift.variables, place)
                        self.state(other).learn({"ansible_facts": gift.facts}, place)
            for other, variables in gift.variables_for.items():
                self.state(other).write(variables, place)
            for other, facts in gift.facts_for.items():
                self.state(other).learn({"ansible_facts": facts}, place)
            changes += [(device, change) for change in gift.inventory]
            self._meta(members, place, gift.meta)
        if changes:
            self._changes += changes
            self._renew(grow(self.inventory, changes))

    def _meta(self, members: Sequence[str], place: Place, verb: str) -> None:
        if verb == "clear_facts":
            for device in members:
                self.state(device).forget_facts(place)
        elif verb == "clear_host_errors":
            self.is_forgiven |= self.lost
            self.lost.clear()
        elif verb == "refresh_inventory" and self._reload is not None:
            # What plays added stays.
            self._renew(grow(self._reload(), self._changes))

    def _renew(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.base_vars = BaseVars(inventory)
        self.version += 1
