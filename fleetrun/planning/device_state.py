"""What is known of one device during a run: facts, registered values, set facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from fleetrun.model.values import Value, Vars
from fleetrun.planning.hidden import HiddenValues


@dataclass(slots=True)
class DeviceState:
    """Variables of a device that live as long as the run (rule 31).

    Rebuilt on resume by feeding the journalled results again.
    """

    #: Level 11: "ansible_xxx" as injected. Changed by `learn` and `forget_facts` only.
    facts: dict[str, Value] = field(default_factory=dict)
    #: Level 19: set_fact and registered results; the later one wins.
    dynamic: dict[str, Value] = field(default_factory=dict)
    #: Level 18: include_vars.
    included: dict[str, Value] = field(default_factory=dict)
    #: The facts under their short names; made when asked for, kept until they change.
    _short: Vars | None = None

    def learn(self, values: Mapping[str, Value]) -> None:
        """Takes the ``ansible_facts`` of a module's result, if it has any."""
        if isinstance(values, HiddenValues):
            return
        facts = values.get("ansible_facts")
        if isinstance(facts, Mapping):
            self.facts.update(facts)
            self._short = None

    def forget_facts(self) -> None:
        """Drops the facts (``meta: clear_facts``)."""
        self.facts.clear()
        self._short = None

    def fact_layers(self) -> tuple[Vars, Vars]:
        """Returns facts as variables: ``ansible_facts``, and the injected names."""
        if self._short is None:
            self._short = {
                "ansible_facts": {_short_name(name): self.facts[name] for name in self.facts}
            }
        return (self._short, self.facts)


@lru_cache(maxsize=4096)
def _short_name(name: str) -> str:
    """One text for all devices: their names of facts are the same."""
    return name.removeprefix("ansible_")
