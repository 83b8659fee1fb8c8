"""A role as one play uses it: what its tasks see, and what they leave to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleetrun.model.values import NO_VARS, Value, Vars


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Role:
    """One use of a role in a play; tasks and handlers point at theirs."""

    #: As the playbook calls it; a collection's role with its full name.
    name: str
    #: Absolute folder.
    path: str
    #: The same for uses with the same folder, parameters and conditions: those
    #: run once per play and device, unless `allow_duplicates` (rule 36).
    key: str
    #: ``namespace.name`` of the collection, or "".
    collection: str = ""
    allow_duplicates: bool = False
    #: Level 2, 15 and 20 as its tasks see them: with those of the roles that
    #: it depends on and of those that depend on it.
    defaults: Vars = field(default_factory=lambda: NO_VARS)
    vars: Vars = field(default_factory=lambda: NO_VARS)
    params: Vars = field(default_factory=lambda: NO_VARS)
    #: What other tasks of the play see of it (rule 35).
    shared_defaults: Vars = field(default_factory=lambda: NO_VARS)
    shared_vars: Vars = field(default_factory=lambda: NO_VARS)
    #: Roles that it depends on, directly or not, by name.
    dependencies: tuple[str, ...] = ()
    #: Folders of the roles that pulled it in, the nearest first.
    parent_dirs: tuple[str, ...] = ()

    @property
    def short_name(self) -> str:
        """The name without its collection."""
        return self.name.removeprefix(f"{self.collection}.") if self.collection else self.name

    @property
    def search_dirs(self) -> tuple[str, ...]:
        """Folders that hold files/, templates/ and vars/: its own, then its parents'."""
        return (self.path, *self.parent_dirs)

    def magic(self) -> Mapping[str, Value]:
        """Returns the variables that nothing overrides within the role."""
        return {
            "role_name": self.short_name, "role_path": self.path,
            "ansible_role_name": self.name, "ansible_collection_name": self.collection,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNames:
    """``ansible_role_names`` and its kin, in the order of the play."""

    #: Roles that the play names itself, with repeats.
    direct: tuple[str, ...] = ()
    #: Roles that those depend on.
    dependent: tuple[str, ...] = ()
