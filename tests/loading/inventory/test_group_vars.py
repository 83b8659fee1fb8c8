"""Variables beside inventories and playbooks; golden cases show the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.errors import InputError
from fleetrun.loading.inventory import load_inventory
from fleetrun.model.inventory import EMPTY_LAYERS
from fleetrun.model.values import TemplateText


def write(folder: Path, **files: str) -> None:
    """Files by path, with `__` for a slash."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_each_place_has_its_own_layer(tmp_path: Path) -> None:
    """Source, beside the inventory and beside the playbook stay apart."""
    (tmp_path / "inv").mkdir()
    (tmp_path / "inv/hosts.ini").write_text("[g]\nh a=1\n[g:vars]\nb=1\n")
    write(tmp_path, inv__group_vars__g="b: 2", inv__host_vars__h="a: 2")
    write(tmp_path, play__group_vars__g="b: 3", play__host_vars__h="a: 3")
    inventory = load_inventory(
        [f"{tmp_path}/inv/hosts.ini"], playbook_dir=f"{tmp_path}/play"
    )
    group, device = inventory.groups["g"].layers, inventory.devices["h"].layers
    assert (
        group.source, group.beside_inventory, group.beside_playbook
    ) == ({"b": 1}, {"b": 2}, {"b": 3})
    assert (
        device.source, device.beside_inventory, device.beside_playbook
    ) == ({"a": 1}, {"a": 2}, {"a": 3})


def test_without_any_variables_layers_are_shared(tmp_path: Path) -> None:
    """Devices without variables cost no layers."""
    (tmp_path / "hosts.ini").write_text("[g]\nh1\nh2\n")
    inventory = load_inventory([f"{tmp_path}/hosts.ini"])
    assert all(device.layers is EMPTY_LAYERS for device in inventory.devices.values())
    assert inventory.groups["g"].layers is EMPTY_LAYERS


def test_text_with_braces_is_a_template(tmp_path: Path) -> None:
    """The files are the operator's."""
    (tmp_path / "hosts.ini").write_text("h\n")
    write(tmp_path, group_vars__all="a: '{{ x }}'")
    inventory = load_inventory([f"{tmp_path}/hosts.ini"])
    assert isinstance(inventory.groups["all"].layers.beside_inventory["a"], TemplateText)


def test_the_later_of_two_inventories_wins(tmp_path: Path) -> None:
    """Folders count in the order of the sources; a folder named twice, at its last place."""
    for name in ("one", "two"):
        write(tmp_path, **{f"{name}__group_vars__all": f"from: {name}"})
        (tmp_path / name / "hosts.ini").write_text("h\n")
    sources = [f"{tmp_path}/{name}/hosts.ini" for name in ("one", "two", "one")]
    layers = [
        load_inventory(sources[:count]).groups["all"].layers.beside_inventory["from"]
        for count in (1, 2, 3)
    ]
    assert layers == ["one", "two", "one"]


def test_tells_what_is_wrong_in_any_of_the_files(tmp_path: Path) -> None:
    """Every bad file that belongs to a group or device is named."""
    (tmp_path / "hosts.ini").write_text("[g]\nh\n")
    write(
        tmp_path, group_vars__all="[1]", group_vars__g="1: x", host_vars__h="a: b: c",
        host_vars__nobody="also: bad: yaml",
    )
    with pytest.raises(InputError) as caught:
        load_inventory([f"{tmp_path}/hosts.ini"])
    found = {(Path(p.mark.file).name, p.kind) for p in caught.value.problems if p.mark}
    assert {
        ("all.yml", "input/type"), ("g.yml", "input/variable-name"),
        ("h.yml", "input/yaml-syntax"),
    } == found


def test_a_folder_that_contains_itself_is_an_error(tmp_path: Path) -> None:
    """A link to a folder above ends in an error, not in an endless walk."""
    (tmp_path / "hosts.ini").write_text("h\n")
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/loop").symlink_to(tmp_path / "group_vars/all")
    with pytest.raises(InputError) as caught:
        load_inventory([f"{tmp_path}/hosts.ini"])
    assert caught.value.kind == "input/too-deep"
