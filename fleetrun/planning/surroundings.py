"""The variables that the tasks of one device see, and which are still out."""

from __future__ import annotations

from collections import ChainMap, deque

from fleetrun.model.playbook import IncludedRole, Task
from fleetrun.model.role import RoleNames
from fleetrun.model.values import TemplateText, Value, Vars
from fleetrun.planning import judge, results
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.play_files import LazyVars, PlayFiles
from fleetrun.planning.scope import CONTROLLER, Scope
from fleetrun.planning.task_run import TaskRun
from fleetrun.planning.toolbox import DeviceVars
from fleetrun.planning.variables import role_variables

#: Names a device's facts never give: reading them does not wait for `setup`.
CONNECTION_NAMES = frozenset({
    "ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_become",
    "ansible_become_user", "ansible_become_method", "ansible_become_exe", "ansible_become_flags",
    "ansible_ssh_private_key_file",
    "ansible_failed_task", "ansible_failed_result", "ansible_loop",
})


class Surroundings:
    """Makes scopes for the tasks in flight."""

    def __init__(
        self, device_vars: DeviceVars, state: DeviceState, flight: deque[TaskRun],
        files: PlayFiles,
    ) -> None:
        self._files = files
        self._vars = device_vars
        self._state = state
        self._flight = flight
        #: Roles that were included so far.
        self.published: list[IncludedRole] = []

    def layers(self, run: TaskRun, index: int | None = None) -> list[Vars]:
        """Variables as a task sees them, highest precedence first (the 22 levels)."""
        self._vars.view.spot = run.spot_before
        layers: list[Vars] = []
        if index is not None and index in run.delegates:
            layers.append(self._delegated(run.delegates[index]))
        if index is not None and run.task.loop is not None:
            layers.append(self.loop_vars(run, index))
        layers += self.layers_of(run.task, run, index)
        return layers

    def layers_of(
        self, task: Task, run: TaskRun | None = None, index: int | None = None
    ) -> list[Vars]:
        """What `task` sees apart from its loop's variables; `run` while it runs."""
        included = self._included_roles()
        layers: list[Vars] = [self._vars.magic, task.magic, self._vars.extra]
        if included:
            layers.insert(0, self._role_names(included))
        layers += reversed(task.param_layers)
        role = task.role
        if role is not None and role.params:
            layers.append(role.params)
        if run is not None and index and task.register:
            # The item before; while its end is not known, `scope` says so.
            before = run.results[index - 1]
            if before is not None:
                layers.append({task.register: results.registered(before.values)})
        self._add_learned(layers, run)
        layers += reversed(task.vars_layers)
        if role is not None:
            layers.append(role.vars)
        public = [one.role for one in reversed(included) if one.is_public]
        layers += [one.shared_vars for one in public]
        layers += [self._vars.role_vars, self._play_files(run), self._vars.play]
        layers += [*self._state.fact_layers(), self._vars.base]
        if role is not None:
            layers.append(role.defaults)
        layers += [one.shared_defaults for one in public]
        layers.append(self._vars.role_defaults)
        return layers

    def _play_files(self, run: TaskRun | None) -> Vars:
        if self._files.are_known:
            return self._vars.play_files
        known = self._vars
        layers = [
            known.magic, known.extra, known.play, *self._state.fact_layers(), known.base,
            known.role_defaults,
        ]

        def resolve() -> Vars:
            scope = Scope if run is None else lambda layers: self.scope(layers, run)
            has_facts = bool(self._state.facts)
            return self._files.variables(layers, has_facts=has_facts, scope=scope)

        return LazyVars(resolve)

    def _add_learned(self, layers: list[Vars], run: TaskRun | None) -> None:
        """Levels 19 and 18, with what tasks in flight set already."""
        ahead = [*reversed(self._flight)]
        if run is not None and not any(other is run for other in ahead):
            ahead.insert(0, run)
        layers += [other.writes for other in ahead if other.writes]
        layers.append(self._state.dynamic)
        layers += [other.loads for other in ahead if other.loads]
        if self._state.included:
            layers.append(self._state.included)

    def _included_roles(self) -> list[IncludedRole]:
        """Roles that were included by now, in order."""
        ahead = [role for run in self._flight for role in run.published]
        return [*self.published, *ahead] if ahead else self.published

    def _role_names(self, included: list[IncludedRole]) -> Vars:
        """``ansible_role_names`` and its kin: an include adds to those of the play."""
        known = self._vars.magic.get("ansible_play_role_names")
        before = [str(name) for name in known] if isinstance(known, list) else []
        dependent = self._vars.magic.get("ansible_dependent_role_names")
        return role_variables(RoleNames(
            direct=(*before, *(one.role.name for one in included)),
            dependent=tuple(map(str, dependent)) if isinstance(dependent, list) else (),
        ))

    def scope(self, layers: list[Vars], building: TaskRun) -> Scope:
        """A scope that raises PendingValueError for values that are still out."""
        ahead = [run for run in self._flight if run is not building]
        if building.is_waiting:
            ahead.append(building)
        names = {run.task.register for run in ahead if run.task.register}
        facts_are_late = any(run.spec.name == "setup" and run.is_waiting for run in ahead)
        # hostvars of the device itself knows what its state knows: tasks that are over.
        is_written = any(run.writes or run.loads for run in ahead)
        is_busy_here = any(run.is_waiting for run in ahead) and self._may_write_here(ahead, layers)
        if not (names or facts_are_late or is_written or is_busy_here):
            return Scope(layers, task=building.task)
        magic = self._vars.magic

        def is_pending(name: str) -> bool:
            if name in names or name == "hostvars":
                return True
            if name == CONTROLLER:
                return is_busy_here
            if name == "vars":
                return bool(names) or facts_are_late
            return (
                facts_are_late
                and name.startswith("ansible_")
                and name not in magic
                and name not in CONNECTION_NAMES
            )

        return Scope(layers, pending=is_pending, task=building.task)

    def _may_write_here(self, ahead: list[TaskRun], layers: list[Vars]) -> bool:
        """True when a task that is out may change what lookups read: it runs on this machine."""
        if any(run.is_waiting and run.task.delegate_to is not None for run in ahead):
            return True
        said = [layer["ansible_connection"] for layer in layers if "ansible_connection" in layer]
        if said:
            return isinstance(said[0], TemplateText) or said[0] == "local"
        return any(run.is_waiting and run.task.connection == "local" for run in ahead)

    def _delegated(self, device: str) -> Vars:
        """What a task sees of the device that it is delegated to (rule 22)."""
        merged = ChainMap(*(dict(layer) for layer in self._vars.layers_of(device)))
        address = merged.get("ansible_host", device)
        return {
            "ansible_host": address,
            "ansible_delegated_vars": {
                device: {**merged, "inventory_hostname": device, "ansible_host": address}
            },
        }

    def loop_vars(self, run: TaskRun, index: int) -> dict[str, Value]:
        """Returns the variables of one item of a task's loop."""
        loop = run.task.loop
        if loop is None:
            return {}
        return judge.loop_vars(loop.control, run.items, index)

    def registered(self, run: TaskRun, index: int, values: Vars) -> Scope:
        """Returns the scope that judges a result: its register is known."""
        layers = self.layers(run, index)
        if run.task.register:
            layers.insert(0, {run.task.register: results.registered(values)})
        return self.scope(layers, run)
