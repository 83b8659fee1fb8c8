"""Records what Ansible makes of the expressions in expressions/*.yml, into expressions/*.json.

Run by hand when an expression is added, with the Python that Ansible is installed
for (for `collections.yml` with its collections); tests only read the result:

    python record_expressions.py NAME [NAME ...]
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "expressions"
WORLD = HERE / "world"


def trusted(value: Any) -> Any:
    """Texts as Ansible has them when they come from a playbook."""
    from ansible.template import trust_as_template  # where Ansible is

    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    return [trusted(item) for item in value] if isinstance(value, list) else value


def outcome(text: str, variables: dict[str, Any]) -> tuple[bool, Any]:
    """Whether there is a value, and it."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar

    loader = DataLoader()
    loader.set_basedir(str(WORLD))
    world = {**trusted(variables), "ansible_search_path": [str(WORLD)]}
    try:
        value = Templar(loader=loader, variables=world).template(trusted(text))
        return True, json.loads(json.dumps(value))
    except Exception:  # whatever it raises, it is an error
        return False, None


def record(name: str) -> None:
    """Writes what the groups of one file give."""
    import yaml

    groups = yaml.safe_load((HERE / f"{name}.yml").read_text(encoding="utf-8"))
    recorded = []
    for group in groups:
        values, errors = [], []
        for text in group["expressions"]:
            is_value, value = outcome(text, group["vars"])
            values.append([text, value]) if is_value else errors.append(text)
        recorded.append(
            {"condition": False, "vars": group["vars"], "values": values, "errors": errors}
        )
    text = json.dumps(recorded, indent=1, ensure_ascii=False).replace(str(WORLD), "@WORLD@")
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    os.environ["ANSIBLE_DEPRECATION_WARNINGS"] = "0"
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader([])
    for each in sys.argv[1:]:
        record(each)
