"""Records what ansible-playbook does with the cases and collections of this folder.

    python tests/conformance/record.py --oracle /path/to/ansible-playbook [NAME...]

A case is a folder below cases/ with playbook.yml, inventory, whatever files they
need, and args.json (a list of options) if it takes any; expected.json is written
here. A collection is a folder below collections/ with site.yml; what the listing
options print is written to listings.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.conformance.observed import ORACLE_EXITS  # noqa: E402  # needs the path above

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


def environment(plugins: str, record: str) -> dict[str, str]:
    """Variables under which the oracle runs: nothing of the person's own settings."""
    (Path(plugins) / "empty.cfg").write_text("", encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept, "LC_ALL": "C.UTF-8", "ANSIBLE_CALLBACK_PLUGINS": plugins,
        "ANSIBLE_CALLBACKS_ENABLED": "oracle_callback", "FLEETRUN_RECORD": record,
        "ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": plugins,
        "ANSIBLE_CONFIG": f"{plugins}/empty.cfg", "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


def options(folder: Path) -> list[str]:
    """More options of a case."""
    path = folder / "args.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def record_case(oracle: str, folder: Path) -> None:
    """Writes expected.json of one case."""
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copy(HERE / "oracle_callback.py", scratch)
        record = Path(scratch) / "record.json"
        copy = Path(scratch) / "case"
        shutil.copytree(folder, copy)
        done = subprocess.run(
            [oracle, "playbook.yml", "-i", "inventory", *options(folder)], cwd=copy, check=False,
            env=environment(scratch, str(record)), capture_output=True, text=True,
        )
        seen = json.loads(record.read_text("utf-8")) if record.exists() else {
            "recap": {}, "tasks": {}
        }
        text = json.dumps(seen).replace(str(copy), "CASE")
    expected = {"exit": ORACLE_EXITS.get(done.returncode, str(done.returncode)), **json.loads(text)}
    if expected["exit"] == "error":
        print(f"{folder.name}: {done.stderr.strip()[:300]}")
    write(folder / "expected.json", expected)


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


def write(path: Path, content: object) -> None:
    """Writes JSON that is easy to compare line by line."""
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Records everything, or what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", required=True, help="path of ansible-playbook")
    parser.add_argument("names", nargs="*", help="cases and collections (all)")
    asked = parser.parse_args()
    for kind, record in (("cases", record_case), ("collections", record_listings)):
        for folder in sorted((HERE / kind).glob("*/")):
            if not asked.names or folder.name in asked.names:
                record(asked.oracle, folder)


if __name__ == "__main__":
    main()
