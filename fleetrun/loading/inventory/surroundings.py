"""What an inventory file may need that does not stand in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fleetrun.loading.inventory.group_vars import VarsFolders
from fleetrun.model.values import Vars


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Folders of the sources so far, the playbook's folder, and the variables of -e."""

    source_dirs: list[Path] = field(default_factory=list)
    playbook_dir: Path | None = None
    extra_vars: Vars = field(default_factory=dict)

    def folders(self) -> VarsFolders:
        """Returns the folders of variables beside what was loaded until now."""
        return VarsFolders(self.source_dirs, self.playbook_dir)


ALONE = Surroundings()
