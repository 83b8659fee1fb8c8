"""Writes docs/reference anew: ``python -m fleetrun.testing.docs [FOLDER]``.

Every page is made from the code that it is about, so that it cannot say
anything else; `tests/test_docs.py` fails while a page is not current.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from fleetrun.loading.modules import load_library
from fleetrun.loading.schema import KEYWORDS
from fleetrun.loading.schema_docs import keyword_reference
from fleetrun.reporters.reference import events_reference
from fleetrun.testing.docs_cli import cli_reference
from fleetrun.testing.docs_config import config_reference
from fleetrun.testing.docs_errors import errors_reference
from fleetrun.testing.docs_keywords import level_page, page_name
from fleetrun.testing.docs_modules import module_page, modules_reference
from fleetrun.testing.docs_templates import template_reference


def pages() -> Mapping[str, Callable[[], str]]:
    """Returns path below docs/reference -> what makes its text."""
    library = load_library()
    specs = {name: spec for name in library.names() if (spec := library.get(name)) is not None}
    return {
        "cli.md": cli_reference,
        "config.md": config_reference,
        "errors.md": errors_reference,
        "events.md": events_reference,
        "modules.md": modules_reference,
        "playbook-keywords.md": keyword_reference,
        "templates.md": template_reference,
        **{page_name(level): partial(level_page, level) for level in KEYWORDS},
        **{f"modules/{name}.md": partial(module_page, spec) for name, spec in specs.items()},
    }


#: Path below docs/reference -> what makes its text.
PAGES: Final[Mapping[str, Callable[[], str]]] = pages()


def reference_folder() -> Path:
    """Returns docs/reference of the checkout that this file is in."""
    return Path(__file__).resolve().parents[2] / "docs" / "reference"


def write(folder: Path) -> tuple[str, ...]:
    """Writes all pages into `folder`, removes all others; returns those that changed."""
    changed = []
    for stale in sorted(folder.rglob("*.md")):
        if stale.relative_to(folder).as_posix() not in PAGES:
            stale.unlink()
    for name, make in PAGES.items():
        path, text = folder / name, make()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return tuple(changed)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else reference_folder()
    sys.stdout.write("".join(f"wrote {target / name}\n" for name in write(target)))
