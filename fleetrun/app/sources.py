"""What the command line reads of the operator's files, and of the language itself."""

from __future__ import annotations

from typing import Any

from fleetrun.loading import json_schema
from fleetrun.loading.lint import LintReport, lint_paths
from fleetrun.loading.modules import ModuleLibrary, load_library
from fleetrun.loading.schema import KEYWORDS, Keyword
from fleetrun.loading.yamlfile import read_yaml

__all__ = [
    "KEYWORDS", "Keyword", "LintReport", "ModuleLibrary", "lint_paths", "load_library", "read_yaml",
    "schema",
]


def schema(kind: str, library: ModuleLibrary) -> dict[str, Any]:
    """Returns the JSON Schema of a playbook, tasks, an inventory or a role's meta."""
    match kind:
        case "tasks":
            return json_schema.tasks_schema(library)
        case "inventory":
            return json_schema.inventory_schema()
        case "meta":
            return json_schema.meta_schema()
        case _:
            return json_schema.playbook_schema(library)
