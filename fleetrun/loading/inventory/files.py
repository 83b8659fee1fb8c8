"""One inventory file: which kind it is, and its loader."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from fleetrun.errors import InputError
from fleetrun.loading.inventory.build import InventoryBuilder
from fleetrun.loading.inventory.csv_source import load_csv
from fleetrun.loading.inventory.ini import load_ini
from fleetrun.loading.inventory.script import load_script
from fleetrun.loading.inventory.surroundings import ALONE, Surroundings
from fleetrun.loading.inventory.yaml_source import load_yaml
from fleetrun.loading.vault import is_sealed, open_text

_YAML_ENDINGS = frozenset({".yml", ".yaml", ".json"})
_SNIFF_BYTES = 4096
#: First line of a YAML inventory without an ending: ``---``, ``all:``, ``{``.
_YAML_START = re.compile(rb"(?:\s*(?:#[^\n]*)?\n)*(?:---|[^\s\[#;=]+:\s*(?:\n|\Z)|\{)")


def load_file(
    builder: InventoryBuilder, path: Path, surroundings: Surroundings = ALONE
) -> None:
    """Adds what one file says; everything wrong goes to the builder's problems."""
    start = _start_of(path)
    if start.startswith((b"#!", b"\x7fELF")):
        if os.access(path, os.X_OK):
            load_script(builder, path)
        else:
            builder.problem(
                "input/not-executable", f"{path} starts like a program but is not executable",
                hint=f"run `chmod +x {path}`",
            )
        return
    ending = path.suffix.lower()
    if ending == ".csv":
        load_csv(builder, path)
    elif ending in _YAML_ENDINGS or (not ending and _YAML_START.match(start)):
        load_yaml(builder, path, surroundings)
    elif ending == ".toml":
        builder.problem(
            "input/unsupported-file", f"{path}: TOML inventories are not supported",
            hint="use YAML (.yml), INI or CSV",
        )
    else:
        load_ini(builder, path)


def _start_of(path: Path) -> bytes:
    """First bytes of a regular file; nothing of a pipe, whose bytes come only once."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            start = file.read(_SNIFF_BYTES)
            return open_text(start + file.read(), str(path)) if is_sealed(start) else start
    except InputError:
        return b""  # a wrong password; the loader says so
    except OSError:
        return b""  # the loader says why it cannot be read
