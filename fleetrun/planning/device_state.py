"""What is known of one device during a run: facts, registered values, set facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetrun.model.values import Value, Vars
from fleetrun.planning.hidden import HiddenValues


@dataclass(slots=True)
class DeviceState:
    """Variables of a device that live as long as the run (rule 31).

    Rebuilt on resume by feeding the journalled results again.
    """

    #: Level 11: "ansible_xxx" as injected.
    facts: dict[str, Value] = field(default_factory=dict)
    #: Level 19: set_fact and registered results; the later one wins.
    dynamic: dict[str, Value] = field(default_factory=dict)

    def learn(self, values: Mapping[str, Value]) -> None:
        """Takes the ``ansible_facts`` of a module's result, if it has any."""
        if isinstance(values, HiddenValues):
            return
        facts = values.get("ansible_facts")
        if isinstance(facts, Mapping):
            self.facts.update(facts)

    def fact_layer(self) -> Vars:
        """Returns facts as variables: injected names and ``ansible_facts``."""
        if not self.facts:
            return {"ansible_facts": {}}
        short = {
            name.removeprefix("ansible_"): value for name, value in self.facts.items()
        }
        return {**self.facts, "ansible_facts": short}
