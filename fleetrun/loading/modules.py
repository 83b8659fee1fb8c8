"""Finds modules and reads their specs and programs, each only when asked for.

Start-up must stay fast: opening the library lists a few folders and parses
nothing; a spec is parsed the first time a task names it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from fleetrun.errors import InputError, Problem
from fleetrun.loading.modulespec import parse_spec
from fleetrun.model.module import ModuleKind, ModuleSpec

__all__ = ["ModuleLibrary", "load_library", "modules_folder"]

#: Collections whose modules are found under their own short names.
COLLECTIONS: Final = frozenset({
    "ansible.builtin", "ansible.legacy", "ansible.posix", "community.general", "community.docker",
    "community.openwrt", "containers.podman",
})
#: Modules of collections that fleetrun has under another name.
RENAMED: Final[Mapping[str, str]] = {
    "gather_facts": "setup",
    "ansible.builtin.gather_facts": "setup",
    "ansible.legacy.gather_facts": "setup",
    "community.docker.docker_compose": "docker_compose_v2",
    "community.docker.docker_image_pull": "docker_image",
    "containers.podman.podman_container": "docker_container",
    "containers.podman.podman_image": "docker_image",
    "containers.podman.podman_network": "docker_network",
    "containers.podman.podman_volume": "docker_volume",
}
_LIB: Final = "lib"


class ModuleLibrary:
    """All modules that playbooks may name."""

    def __init__(
        self, paths: Mapping[str, tuple[str, Path]], lib_folder: Path, *,
        hiding: Mapping[str, Path] | None = None,
    ) -> None:
        #: Module name -> (family, path of its .yml).
        self._paths = paths
        #: Name of one of fleetrun's modules -> the user's .yml that stands in for it.
        self.hiding: Mapping[str, Path] = hiding or {}
        self._lib_folder = lib_folder
        self._specs: dict[str, ModuleSpec] = {}

    def get(self, name: str) -> ModuleSpec | None:
        """Returns the spec of `name` with its program, or None when there is none.

        ``ansible.builtin.x``, ``ansible.posix.x`` and the like are ``x``. Raises
        InputError when the module's own files are wrong.
        """
        short = canonical_name(name)
        if short not in self._specs:
            if short not in self._paths:
                return None
            family, path = self._paths[short]
            self._specs[short] = _load(path, family)
        return self._specs[short]

    def names(self) -> tuple[str, ...]:
        """Returns all names, sorted."""
        return tuple(sorted(self._paths))

    @cached_property
    def lib(self) -> str:
        """The shell library that every program is sent with."""
        files = sorted(self._lib_folder.glob("*.sh"))
        return "".join(_read(file).rstrip("\n") + "\n" for file in files)


def canonical_name(name: str) -> str:
    """Returns fleetrun's own name for a module of a collection that it knows.

    Any other name is returned as it is, also one of an unknown collection.
    """
    if "." not in name:
        return RENAMED.get(name, name)
    collection, _, short = name.rpartition(".")
    return RENAMED.get(name, short if collection in COLLECTIONS else name)


def load_library(extra_dirs: Sequence[Path] = ()) -> ModuleLibrary:
    """Returns the modules that come with fleetrun and those in `extra_dirs`.

    A folder holds ``<name>.yml`` files, or folders (families) of them. Later
    folders win over earlier ones and all of them over fleetrun's own. A folder
    that does not exist holds nothing.
    """
    own = modules_folder()
    built_in = _list(own)
    users: dict[str, tuple[str, Path]] = {}
    for folder in extra_dirs:
        users.update(_list(folder))
    hiding = {name: path for name, (_, path) in users.items() if name in built_in}
    return ModuleLibrary({**built_in, **users}, own / _LIB, hiding=hiding)


def modules_folder() -> Path:
    """Returns the folder of fleetrun's own modules, in a wheel or in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packaged = package / "_modules"
    return packaged if packaged.is_dir() else package.parent / "modules"


def _list(folder: Path) -> dict[str, tuple[str, Path]]:
    """Modules in `folder` and its families; the folder's own files win."""
    if not folder.is_dir():
        return {}
    found: dict[str, tuple[str, Path]] = {}
    here: dict[str, tuple[str, Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".yml":
            here[entry.stem] = ("", entry)
        elif entry.name != _LIB and entry.is_dir():
            found.update({
                path.stem: (entry.name, path) for path in sorted(entry.glob("*.yml"))
            })
    return {**found, **here}


def _load(path: Path, family: str) -> ModuleSpec:
    spec, sources = parse_spec(path, family)
    program = path.with_name(f"{sources.program}.sh")
    if not program.is_file():
        _check_needs_no_program(path, spec, sources.program)
        return spec
    awk = "".join(_awk_text(path, name) for name in sources.awk)
    prelude = f"fr_need {shlex.join(spec.needs)}\n" if spec.needs else ""
    prelude += f"fr_awk='\n{awk}'\n" if awk else ""
    shared = "".join(_read(path.with_name(f"{name}.sh")) for name in sources.shares)
    return replace(spec, program=prelude + shared + _read(program))


def _awk_text(path: Path, name: str) -> str:
    """An awk file beside the module or in lib/, less comments and indentation."""
    beside = path.with_name(f"{name}.awk")
    text = _read(beside if beside.is_file() else modules_folder() / _LIB / f"{name}.awk")
    lines = (line.strip() for line in text.splitlines())
    kept = "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))
    if "'" in kept:
        raise InputError([Problem(
            kind="input/module-spec", message=f"{path}: {name}.awk holds a single quote",
            hint="The awk program becomes one sh word in single quotes; write \\047.",
        )])
    return kept


def _check_needs_no_program(path: Path, spec: ModuleSpec, program_name: str) -> None:
    on_device = spec.kind in {ModuleKind.DEVICE, ModuleKind.PREPARED}
    if on_device or program_name != spec.name:
        raise InputError([Problem(
            kind="input/module-spec",
            message=f"{path}: there is no program {program_name}.sh beside it",
            hint="Only modules of kind controller, dialogue and include need none.",
        )])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError([Problem(
            kind="input/unreadable-file", message=f"cannot read {path}: {exc}",
        )]) from exc
