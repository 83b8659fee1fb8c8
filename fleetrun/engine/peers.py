"""What a device sees of the others of its play: ``hostvars``, ``ansible_play_hosts``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from typing_extensions import override

from fleetrun.engine.hall import Hall
from fleetrun.engine.world import World
from fleetrun.model.playbook import Play
from fleetrun.model.values import Value, Vars
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.reading import may_change
from fleetrun.planning.scope import ElsewhereError, Scope
from fleetrun.planning.select import LOCAL_NAMES
from fleetrun.planning.templates import Templater
from fleetrun.planning.variables import HostVars, groups_of
from fleetrun.planning.viewpoint import Viewpoint


class LiveMagic(dict[str, Value]):
    """Magic variables, some of which are made when they are read."""

    def __init__(self, fixed: Vars, live: Mapping[str, Callable[[], Value]]) -> None:
        super().__init__(fixed)
        super().update(dict.fromkeys(live))
        self._live = live

    @override
    def __getitem__(self, name: str) -> Value:
        make = self._live.get(name)
        return super().__getitem__(name) if make is None else make()


class Peers:
    """The other devices as one device of a play sees them."""

    def __init__(  # noqa: PLR0913  # each is a thing that one device sees of the others
        self, device: str, play: Play, hall: Hall, *, world: World, view: Viewpoint,
        state: Callable[[str], DeviceState], templater: Templater, extra: Vars,
    ) -> None:
        self._device = device
        self._play = play
        self._hall = hall
        self._world = world
        self._view = view
        self._state = state
        self._templater = templater
        self._extra = extra

    def live(self, play_devices: tuple[str, ...]) -> dict[str, Callable[[], Value]]:
        """Returns the magic variables that change while a play runs."""
        return {
            "hostvars": self._hostvars,
            "groups": lambda: groups_of(self._world.inventory),
            "group_names": lambda: group_names(self._world, self._device),
            "ansible_play_hosts": lambda: self._alive(play_devices),
            "ansible_play_batch": lambda: self._alive(self._hall.meeting.members),
            "play_hosts": lambda: self._alive(self._hall.meeting.members),
        }

    def _hostvars(self) -> HostVars:
        return HostVars(self._world.inventory, self._scope_of, self._templater.render)

    def _alive(self, devices: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `devices` that were not lost before this task (rule 10)."""
        meeting, place = self._hall.meeting, self._view.place
        is_known = not self._waits or all(
            meeting.is_past(other, place) for other in meeting.members if other != self._device
        )
        if not is_known:
            raise ElsewhereError("ansible_play_hosts")
        lost = meeting.lost_before(place) | self._world.lost.difference(meeting.members)
        return tuple(name for name in devices if name not in lost)

    @property
    def _waits(self) -> bool:
        return self._hall.waits and self._view.may_wait

    def _scope_of(self, device: str) -> Scope:
        """The variables of another device, as they are before this task (rule 32)."""
        state, meeting = self._state(device), self._hall.meeting
        pending: Callable[[str], bool] | None = None
        if device != self._device and self._hall.waits and meeting.is_member(device):
            place = self._view.place
            if self._waits and not meeting.is_past(device, place):
                pending = self._wait_for(device)
            else:
                state = state.as_of(place)
        return Scope(device_layers(self._world, device, state, self._extra), pending=pending)

    def _wait_for(self, device: str) -> Callable[[str], bool]:
        def is_pending(name: str) -> bool:
            if may_change(self._play, name):
                raise ElsewhereError(name, frozenset({device}))
            return False

        return is_pending


def device_layers(world: World, device: str, state: DeviceState, extra: Vars) -> list[Vars]:
    """Returns a device's variables without those of any play, highest first."""
    magic: Vars = {
        "inventory_hostname": device,
        "inventory_hostname_short": device.split(".", 1)[0],
        "group_names": group_names(world, device),
    }
    return [
        magic, extra, state.dynamic, state.included, *state.fact_layers(), world.vars_of(device),
    ]


def group_names(world: World, device: str) -> list[Value]:
    """Returns ``group_names`` of a device; the implicit localhost is in no group."""
    found = world.inventory.devices.get(device)
    known = list[Value](found.groups if found is not None else ())
    return known or ([] if device in LOCAL_NAMES else ["ungrouped"])
