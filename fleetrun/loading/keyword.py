"""One keyword of the language, and tables of them written as rows of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """One keyword at one level."""

    name: str
    #: What it takes, in words.
    type: str
    #: One line.
    doc: str
    #: Not supported yet when set: what to do in its place.
    instead: str = ""

    @property
    def is_supported(self) -> bool:
        """True when fleetrun carries it out."""
        return not self.instead


#: Keywords of one level by name.
Table: TypeAlias = Mapping[str, Keyword]


def now(rows: str) -> Table:
    """Supported keywords from lines of ``name | type | doc``."""
    split = [[cell.strip() for cell in row.split("|", 2)] for row in rows.strip().splitlines()]
    return {name: Keyword(name=name, type=type_, doc=doc) for name, type_, doc in split}


def later(rows: str) -> Table:
    """Keywords that are not supported yet, from lines of ``name | type | doc | instead``."""
    split = [[cell.strip() for cell in row.split("|", 3)] for row in rows.strip().splitlines()]
    return {
        name: Keyword(name=name, type=type_, doc=doc, instead=instead)
        for name, type_, doc, instead in split
    }
