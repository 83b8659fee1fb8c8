"""Writes docs/reference anew: ``python -m fleetrun.testing.docs [FOLDER]``.

Every page is made from the code that it is about, so that it cannot say
anything else; `tests/test_docs.py` fails while a page is not current.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from fleetrun.loading.schema_docs import keyword_reference
from fleetrun.reporters.reference import events_reference
from fleetrun.testing.docs_cli import cli_reference
from fleetrun.testing.docs_config import config_reference
from fleetrun.testing.docs_errors import errors_reference
from fleetrun.testing.docs_modules import modules_reference

#: File in docs/reference -> what makes its text.
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "cli.md": cli_reference,
    "config.md": config_reference,
    "errors.md": errors_reference,
    "events.md": events_reference,
    "modules.md": modules_reference,
    "playbook-keywords.md": keyword_reference,
}


def reference_folder() -> Path:
    """Returns docs/reference of the checkout that this file is in."""
    return Path(__file__).resolve().parents[2] / "docs" / "reference"


def write(folder: Path) -> tuple[str, ...]:
    """Writes all pages into `folder`; returns the names of those that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, make in PAGES.items():
        path, text = folder / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return tuple(changed)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else reference_folder()
    sys.stdout.write("".join(f"wrote {target / name}\n" for name in write(target)))
