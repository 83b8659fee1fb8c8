"""What is known of one device during a run: facts, registered values, set facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from fleetrun.model.steps import Place
from fleetrun.model.values import Value, Vars
from fleetrun.planning.hidden import HiddenValues


class _Unset:
    """Stands for "there was no such name"."""


_UNSET: Final = _Unset()


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

    #: What this play overwrote, oldest first: (place, facts or not, name or None
    #: for all, value before). Others look back through it.
    _past: list[tuple[Place, bool, str | None, Value | _Unset]] = field(default_factory=list)

    def learn(self, values: Mapping[str, Value], place: Place = ()) -> None:
        """Takes the ``ansible_facts`` of a module's result, if it has any."""
        if isinstance(values, HiddenValues):
            return
        facts = values.get("ansible_facts")
        if isinstance(facts, Mapping):
            if not self.facts:
                # The usual case, kept small: a fleet has hundreds of facts a device.
                self._past.append((place, True, None, {}))
            else:
                self._past += [
                    (place, True, name, self.facts.get(name, _UNSET)) for name in facts
                ]
            self.facts.update(facts)
            self._short = None

    def write(self, variables: Mapping[str, Value], place: Place = ()) -> None:
        """Sets variables, as register and set_fact do."""
        for name in variables:
            self._past.append((place, False, name, self.dynamic.get(name, _UNSET)))
        self.dynamic.update(variables)

    def forget_facts(self, place: Place = ()) -> None:
        """Drops the facts (``meta: clear_facts``)."""
        self._past.append((place, True, None, dict(self.facts)))
        self.facts.clear()
        self._short = None

    def forget_past(self) -> None:
        """A play is over: nobody looks back into it."""
        self._past.clear()

    def as_of(self, place: Place) -> DeviceState:
        """Returns what was known before the task at `place`; the state itself if it still is."""
        if all(where < place for where, *_ in self._past):
            return self
        old = DeviceState(facts=dict(self.facts), dynamic=dict(self.dynamic))
        for where, is_fact, name, before in reversed(self._past):
            if where < place:
                continue
            if name is None:
                old.facts = dict(before) if isinstance(before, Mapping) else {}
            elif isinstance(before, _Unset):
                (old.facts if is_fact else old.dynamic).pop(name, None)
            else:
                (old.facts if is_fact else old.dynamic)[name] = before
        return old

    def fact_layers(self) -> tuple[Vars, Vars]:
        """Returns facts as variables: ``ansible_facts``, and the injected names."""
        if self._short is None:
            short = {_short_name(name): self.facts[name] for name in self.facts}
            if "ansible_local" in self.facts:
                # The one that Ansible keeps under its long name there.
                short["ansible_local"] = self.facts["ansible_local"]
            self._short = {"ansible_facts": short}
        return (self._short, self.facts)


@lru_cache(maxsize=4096)
def _short_name(name: str) -> str:
    """One text for all devices: their names of facts are the same."""
    return name.removeprefix("ansible_")
