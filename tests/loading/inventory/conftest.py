"""Writing inventories into a folder and loading them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fleetrun.errors import InputError, Problem
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import Inventory

Load = Callable[..., Inventory]
Problems = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads one file with the given name and text."""

    def load_text(name: str, text: str) -> Inventory:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return load_inventory([str(tmp_path / name)])

    return load_text


@pytest.fixture
def problems_of(load: Load) -> Problems:
    """The problems of one file; the file must have some."""

    def problems(name: str, text: str) -> tuple[Problem, ...]:
        with pytest.raises(InputError) as caught:
            load(name, text)
        return caught.value.problems

    return problems
