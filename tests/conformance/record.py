"""Records what ansible-playbook does with the cases and collections of this folder.

    python tests/conformance/record.py --oracle /path/to/ansible-playbook [NAME...]

NAME is a folder below cases/ or collections/, a file of plays/ or one of its entries
(FILE or FILE-ENTRY); without one everything is recorded. Cases go to expected.json
and plays/FILE.json; the latter have beside Ansible's what fleetrun does, where an
entry says `differs`. What the listing options print goes to listings.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.conformance.case import Case, all_cases, recorded  # noqa: E402  # needs the path above
from tests.conformance.runs import by_ansible, by_fleetrun, environment  # noqa: E402  # likewise

#: What is listed of a collection, under its name in listings.json.
LISTINGS = {
    "tasks": ["--list-tasks"],
    "tags": ["--list-tags"],
    "hosts": ["--list-hosts"],
    "all": ["--list-tasks", "--list-tags", "--list-hosts"],
    "tagged": ["--list-tasks", "--tags", "config"],
    "skipped": ["--list-tasks", "--skip-tags", "config,packages"],
    "never": ["--list-tasks", "--tags", "all,never"],
    "syntax": ["--syntax-check"],
}


def record_cases(oracle: str, cases: list[Case]) -> None:
    """Writes the expectations of the cases, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for case, seen in zip(cases, pool.map(partial(by_ansible, oracle), cases),
                              strict=True):
            if wrong := seen.pop("stderr", ""):
                print(f"{case.id}: {wrong.strip()[:400]}")
            if not case.area:
                write(case.record, seen)
                continue
            whole = {"ansible": seen, **({"fleetrun": ours(case)} if case.differs else {})}
            entries = {one.name for one in all_cases() if one.area == case.area}
            kept = {name: one for name, one in recorded(case.record).items() if name in entries}
            known = {**kept, case.name: whole}
            recorded.cache_clear()
            case.record.write_text(compact(known), encoding="utf-8")


def ours(case: Case) -> dict[str, Any]:
    """What fleetrun does, without its words."""
    with tempfile.TemporaryDirectory() as scratch:
        seen = by_fleetrun(case, Path(scratch))
    seen.pop("stderr", None)
    return seen


def record_listings(oracle: str, folder: Path) -> None:
    """Writes listings.json of one collection."""
    with tempfile.TemporaryDirectory() as scratch:
        listings = {}
        for name, flags in LISTINGS.items():
            done = subprocess.run(
                [oracle, "site.yml", "-i", "inventory", *flags], cwd=folder, check=False,
                env=environment(scratch, "/dev/null"), capture_output=True, text=True,
            )
            if done.returncode:
                print(f"{folder.name} {name}: {done.stderr.strip()[:300]}")
            listings[name] = done.stdout.splitlines()
    write(folder / "listings.json", listings)


def compact(whole: dict[str, Any], depth: int = 0) -> str:
    """JSON with one task a line: small, and easy to compare line by line."""
    pad = " " * (depth + 1)
    if isinstance(whole, dict) and depth < 5 and any(isinstance(one, (dict, list)) for one in
                                                     whole.values()):
        rows = [f"{pad}{json.dumps(key)}: {compact(whole[key], depth + 1)}" for key in
                sorted(whole)]
        return "{\n" + ",\n".join(rows) + "\n" + " " * depth + ("}" if depth else "}\n")
    if isinstance(whole, list) and depth < 5:
        rows = [f"{pad}{json.dumps(row, sort_keys=True)}" for row in whole]
        return "[\n" + ",\n".join(rows) + "\n" + " " * depth + "]"
    return json.dumps(whole, sort_keys=True)


def write(path: Path, content: object) -> None:
    """Writes JSON that is easy to compare line by line."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Records everything, or what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", required=True, help="path of ansible-playbook")
    parser.add_argument("names", nargs="*", help="cases, files of them and collections (all)")
    asked = parser.parse_args()
    record_cases(asked.oracle, [
        case for case in all_cases() if not asked.names or {case.id, case.area} & {*asked.names}
    ])
    for folder in sorted((HERE / "collections").glob("*/")):
        if not asked.names or folder.name in asked.names:
            record_listings(asked.oracle, folder)


if __name__ == "__main__":
    main()
