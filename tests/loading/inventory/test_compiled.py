"""Compiled inventories: the same inventory, sooner; never a wrong or a foreign one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.loading.inventory import compiled, load_inventory
from fleetrun.loading.inventory.columns import NotKeptError, pack_values, unpack_values
from fleetrun.loading.inventory.compiled import CompiledDevices
from fleetrun.loading.vault import Vault, VaultSecret, seal, use_vault
from fleetrun.model.inventory import Inventory
from fleetrun.model.values import SecretText, TemplateText

INI = """[web]
gw-[1:40] port=80 tmpl="{{ x }}" lst="[1, {'a': 'b'}]"
odd other=1
[db]
gw-3 port=81 ansible_host=10.0.0.3
[prod:children]
web
db
[prod:vars]
ansible_group_priority=3
deep={"k": "{{ y }}"}
"""
Compiled = Callable[[], tuple[Inventory, Inventory]]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory that is worth compiling, and a cache of its own."""
    monkeypatch.setattr(compiled, "MIN_BYTES", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "inv").mkdir()
    path = tmp_path / "inv" / "hosts.ini"
    path.write_text(INI, encoding="utf-8")
    return path


def is_compiled(inventory: Inventory) -> bool:
    """True when it came out of the cache."""
    return isinstance(inventory.devices, CompiledDevices)


def kept(source: Path) -> list[Path]:
    """The files in the cache."""
    folder = compiled.folder()
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_the_compiled_inventory_is_the_same(source: Path) -> None:
    """Devices, groups, variables with their types and places, and their order."""
    (source.parent / "host_vars").mkdir()
    (source.parent / "host_vars" / "gw-7.yml").write_text("x: 1\n", encoding="utf-8")
    cold, warm = (load_inventory([str(source)]) for _ in range(2))
    assert (is_compiled(cold), is_compiled(warm)) == (False, True)
    assert list(cold.devices) == list(warm.devices)
    assert dict(cold.devices) == dict(warm.devices)
    assert cold.groups == warm.groups
    assert (cold.warnings, cold.sources, cold.digest) == (warm.warnings, warm.sources, warm.digest)
    value = warm.devices["gw-1"].layers.source["tmpl"]
    assert isinstance(value, TemplateText)
    assert value.mark == cold.devices["gw-1"].layers.source["tmpl"].mark  # type: ignore[union-attr]  # a template
    assert warm.devices["gw-7"].layers.beside_inventory == {"x": 1}


def test_an_edited_source_is_read_anew(source: Path) -> None:
    """Its old compilation is not looked at."""
    load_inventory([str(source)])
    source.write_text(INI.replace("port=80", "port=8080"), encoding="utf-8")
    inventory = load_inventory([str(source)])
    assert inventory.devices["gw-1"].layers.source["port"] == 8080


def test_vars_folders_are_read_each_time(source: Path) -> None:
    """A new group_vars file counts, and a wrong one is an error."""
    load_inventory([str(source)])
    folder = source.parent / "group_vars"
    folder.mkdir()
    (folder / "web.yml").write_text("new: 1\n", encoding="utf-8")
    warm = load_inventory([str(source)])
    assert is_compiled(warm)
    assert warm.groups["web"].layers.beside_inventory == {"new": 1}
    (folder / "web.yml").write_text("- a\n", encoding="utf-8")
    with pytest.raises(Exception, match="must be a mapping"):
        load_inventory([str(source)])


def test_only_the_owner_can_read_the_cache(source: Path) -> None:
    """Folder 0700, files 0600."""
    load_inventory([str(source)])
    (file,) = kept(source)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o644])
def test_a_file_that_others_could_touch_is_not_used(source: Path, mode: int) -> None:
    """It is made again."""
    load_inventory([str(source)])
    kept(source)[0].chmod(mode)
    assert not is_compiled(load_inventory([str(source)]))


def test_a_folder_that_others_could_write_to_is_not_used(source: Path) -> None:
    """Neither read nor written."""
    load_inventory([str(source)])
    compiled.folder().chmod(0o777)
    assert not is_compiled(load_inventory([str(source)]))


def test_a_link_in_the_place_of_the_file_is_not_followed(source: Path, tmp_path: Path) -> None:
    """Even when it points at a good one."""
    load_inventory([str(source)])
    (file,) = kept(source)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert not is_compiled(load_inventory([str(source)]))


@given(place=st.integers(0, 10_000), bits=st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_is_never_used(
    place: int, bits: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any changed byte is noticed, and the sources are read instead."""
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "hosts.ini"
    path.write_text(INI, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "MIN_BYTES", 1)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        load_inventory([str(path)])
        (file,) = kept(path)
        content = bytearray(file.read_bytes())
        if content[at := place % len(content)] ^ bits in b" \r\n\t":
            bits ^= 64  # white space around the checksum says nothing
        content[at] ^= bits
        file.write_bytes(content)
        assert not is_compiled(load_inventory([str(path)]))


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"names": ["a"]}', b"7", b"\xff"])
def test_a_file_of_another_shape_is_never_used(source: Path, body: bytes) -> None:
    """Also when its checksum is right."""
    load_inventory([str(source)])
    (file,) = kept(source)
    file.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert not is_compiled(load_inventory([str(source)]))


def test_an_inventory_with_a_secret_is_not_kept(source: Path, tmp_path: Path) -> None:
    """No plain text of a vault reaches the disk."""
    secret = VaultSecret("default", b"pw")
    use_vault(Vault([secret]))
    text = "".join(f"            {line}\n" for line in seal(b"hunter2", secret).splitlines())
    path = tmp_path / "inv" / "secret.yml"
    path.write_text(f"all:\n  hosts:\n    a:\n      pw: !vault |\n{text}", encoding="utf-8")
    inventory = load_inventory([str(path)])
    assert SecretText is type(inventory.devices["a"].layers.source["pw"])
    assert kept(source) == []


def test_programs_and_constructed_sources_are_not_kept(source: Path, tmp_path: Path) -> None:
    """What they say may change while their text does not."""
    script = tmp_path / "inv" / "list.sh"
    script.write_text("#!/bin/sh\necho '{}'\n", encoding="utf-8")
    script.chmod(0o755)
    load_inventory([str(source), str(script)])
    plan = tmp_path / "inv" / "plan.yml"
    plan.write_text("plugin: constructed\ngroups: {x: 'true'}\n", encoding="utf-8")
    load_inventory([str(source), str(plan)])
    assert kept(source) == []


def test_only_the_latest_are_kept(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that only grows fills the disk."""
    monkeypatch.setattr(compiled, "MAX_KEPT", 2)
    for number in range(4):
        source.write_text(f"x{number}\n" + INI, encoding="utf-8")
        load_inventory([str(source)])
    assert len(kept(source)) == 2


def test_a_cache_that_cannot_be_written_does_not_matter(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inventory is loaded all the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/none")
    assert "gw-1" in load_inventory([str(source)]).devices


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.text(max_size=5).map(TemplateText),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "$map", "$template"]), inner, max_size=3),
    max_leaves=6,
)


@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=12))
@settings(max_examples=60, deadline=None)
def test_values_come_back_as_they_were(rows: list[dict[str, object]]) -> None:
    """With their types, and the order of their names."""
    packed = json.loads(json.dumps(pack_values(rows)))  # type: ignore[arg-type]  # values
    back = unpack_values(packed, len(rows))
    assert [list(row.items()) for row in rows] == [list(row.items()) for row in back]
    assert repr([[type(v) for v in row.values()] for row in rows]) == repr(
        [[type(v) for v in row.values()] for row in back]
    )


def test_secrets_are_not_packed_at_any_depth() -> None:
    """A list in a mapping hides nothing."""
    with pytest.raises(NotKeptError):
        pack_values([{"a": {"b": [SecretText("x")]}}])
