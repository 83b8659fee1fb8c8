"""Sources on disk: directories, missing files and odd ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetrun.errors import InputError
from fleetrun.loading.inventory import load_inventory


def test_no_source_is_an_inventory_without_devices() -> None:
    """The groups that always exist exist then, too."""
    inventory = load_inventory([])
    assert (inventory.devices, list(inventory.groups)) == ({}, ["all", "ungrouped"])


def test_files_of_a_folder_load_in_order_of_their_names(tmp_path: Path) -> None:
    """Later files win; each file is read as its own kind."""
    (tmp_path / "10.ini").write_text("[g]\nh v=ini w=ini\n")
    (tmp_path / "20.csv").write_text("name,groups,v\nh,c,csv\n")
    (tmp_path / "30.yml").write_text("y: {hosts: {h: {v: yaml}}}\n")
    (tmp_path / "40.sh").write_text("#!/bin/sh\necho '{\"s\": [\"h\"], \"_meta\": {}}'\n")
    (tmp_path / "40.sh").chmod(0o755)
    inventory = load_inventory([str(tmp_path)])
    assert inventory.devices["h"].layers.source == {"v": "yaml", "w": "ini"}
    assert inventory.devices["h"].groups == ("c", "g", "s", "y")
    assert (str(tmp_path),) == inventory.sources


def test_pipes_in_a_folder_are_left_alone(tmp_path: Path) -> None:
    """Opening one would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "hosts").write_text("h1\n")
    inventory = load_inventory([str(tmp_path)])
    assert list(inventory.devices) == ["h1"]
    assert (f"{tmp_path}/pipe is ignored: it is not a regular file",) == inventory.warnings


def test_a_pipe_may_be_a_source_itself(tmp_path: Path) -> None:
    """As in `-i <(make-inventory)`: its bytes come only once."""
    reader, writer = os.pipe()
    os.write(writer, b"[g]\nh1\n")
    os.close(writer)
    try:
        assert list(load_inventory([f"/dev/fd/{reader}"]).devices) == ["h1"]
    finally:
        os.close(reader)


def test_a_folder_that_contains_itself_is_an_error(tmp_path: Path) -> None:
    """A link to a folder above ends in an error, not in an endless walk."""
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(InputError) as caught:
        load_inventory([str(tmp_path)])
    assert caught.value.kind == "input/too-deep"


def test_a_missing_source_comes_with_the_near_one(tmp_path: Path) -> None:
    """A slip in the file's name is the usual reason."""
    (tmp_path / "production.yml").write_text("")
    with pytest.raises(InputError) as caught:
        load_inventory([f"{tmp_path}/producton.yml", "no-such-device"])
    first, second = caught.value.problems
    assert f"there is no inventory `{tmp_path}/producton.yml`" == first.message
    assert f"did you mean `{tmp_path}/production.yml`?" == first.label
    assert second.hint == "To name devices themselves, end with a comma: `no-such-device,`"


def test_an_empty_source_is_an_error() -> None:
    """It must not become the working folder."""
    with pytest.raises(InputError) as caught:
        load_inventory([""])
    assert caught.value.kind == "input/missing-file"


def test_problems_of_all_sources_come_together(tmp_path: Path) -> None:
    """One run of the loader finds every mistake."""
    (tmp_path / "a.ini").write_text("h1 x\n")
    (tmp_path / "b.yml").write_text("g: {host: {}}\n")
    (tmp_path / "c.csv").write_text("nome\n")
    (tmp_path / "d.toml").write_text("[g]\n")
    with pytest.raises(InputError) as caught:
        load_inventory([str(tmp_path)])
    assert [problem.kind for problem in caught.value.problems] == [
        "input/inventory-syntax", "input/unknown-keyword", "input/csv-header",
        "input/unsupported-file",
    ]
