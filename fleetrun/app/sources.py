"""What the command line reads of the operator's files, and of the module library."""

from __future__ import annotations

from fleetrun.loading.modules import ModuleLibrary, load_library
from fleetrun.loading.yamlfile import read_yaml

__all__ = ["ModuleLibrary", "load_library", "read_yaml"]
