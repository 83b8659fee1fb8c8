"""Where a list of tasks stands."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a list of tasks stands."""

    #: Begin of the ids of its tasks, with the separator: ``2.tasks.``.
    prefix: str
    #: Folder of the file.
    base_dir: str
    #: Files being imported, outermost first.
    chain: tuple[str, ...] = ()
    depth: int = 0

    def inside(self, prefix: str) -> Place:
        """A list of tasks within a block of this one."""
        return replace(self, prefix=prefix, depth=self.depth + 1)
