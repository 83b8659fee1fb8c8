"""Values of devices' variables, as text to group devices by (site, bastion, device_type)."""

from __future__ import annotations

from fleetrun.errors import InputError, Problem, TemplateError
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import Expression, TemplateText, Value
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater
from fleetrun.planning.variables import BaseVars


class Attributes:
    """What the inventory says of each device, templates rendered; cached."""

    def __init__(self, inventory: Inventory, templater: Templater) -> None:
        self._inventory = inventory
        self._base = BaseVars(inventory)
        self._templater = templater
        self._known: dict[tuple[str, str], str | None] = {}

    def __call__(self, device: str, variable: str) -> str | None:
        """Returns a variable's value as text; None when the device has none.

        Raises:
            InputError: ``input/bad-attribute``, for a template that fails and
                for a list or a mapping.
        """
        key = (device, variable)
        if key not in self._known:
            self._known[key] = self._value(device, variable)
        return self._known[key]

    def _value(self, device: str, variable: str) -> str | None:
        found = self._inventory.devices.get(device)
        if found is None:
            return None
        variables = self._base.of(device)
        value: Value = variables.get(variable)
        if isinstance(value, TemplateText | Expression):
            name: Value = device
            scope = Scope([{"inventory_hostname": name}, variables])
            try:
                value = self._templater.render(value, scope)
            except TemplateError as error:
                raise self._bad(device, variable, error.message) from error
        if isinstance(value, list | dict | tuple):
            raise self._bad(device, variable, "it is a list or a mapping")
        return None if value is None or value == "" else str(value)

    def _bad(self, device: str, variable: str, why: str) -> InputError:
        return InputError([Problem(
            kind="input/bad-attribute",
            message=f"devices are grouped by `{variable}`, which {device} gives no text for: {why}",
            mark=self._inventory.devices[device].mark,
            hint=f"Give `{variable}` as text in the inventory.",
        )])
