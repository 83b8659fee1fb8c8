"""Records what Ansible makes of the golden inventories, into expected.json.

Run by hand when a case is new or changed; tests only read the result:

    python record.py FOLDER_WITH_ANSIBLE_COMMANDS [CASE ...]
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


#: Ways to show an inventory whose text must be Ansible's to the byte.
VIEWS = ("--list", "--list --export", "--list --yaml --export", "--graph --vars")


def run(argv: list[str], folder: Path) -> str:
    """Stdout of a command that must succeed."""
    environ = {**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_LOCALHOST_WARNING": "0"}
    return subprocess.run(
        argv, cwd=folder, env=environ, check=True, capture_output=True, text=True
    ).stdout


def record(commands: Path, case: Path) -> None:
    """Writes expected.json of one case."""
    spec = json.loads((case / "case.json").read_text(encoding="utf-8"))
    sources = [word for source in spec["sources"] for word in ("-i", source)]
    playbook = ["--playbook-dir", spec["playbook_dir"]] if "playbook_dir" in spec else []
    listing = json.loads(
        run([str(commands / "ansible-inventory"), *sources, *playbook, "--list"], case)
    )
    host_vars = listing.pop("_meta")["hostvars"]
    selected = []
    for pattern, limit in spec["patterns"]:
        words = ["--limit", limit] if limit else []
        output = run([str(commands / "ansible"), *sources, *words, "--list-hosts", pattern], case)
        hosts = re.findall(r"^    (\S+)$", output, re.MULTILINE)
        selected.append({"pattern": pattern, "limit": limit, "hosts": hosts})
    for view in VIEWS:
        words = [str(commands / "ansible-inventory"), *sources, *playbook, *view.split()]
        name = view.replace("--", "").replace(" ", "-")
        (case / f"view-{name}.out").write_text(run(words, case), encoding="utf-8")
    expected = {"hostvars": host_vars, "groups": listing, "selected": selected}
    text = json.dumps(expected, indent=1, sort_keys=True) + "\n"
    (case / "expected.json").write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Records the named cases, or all."""
    commands = Path(arguments[0]).absolute()
    for case in sorted(HERE.glob("*/case.json")):
        if not arguments[1:] or case.parent.name in arguments[1:]:
            record(commands, case.parent)


if __name__ == "__main__":
    main(sys.argv[1:])
