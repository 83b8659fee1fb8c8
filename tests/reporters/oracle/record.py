"""Records the outputs of Ansible anew: ``python record.py /path/to/ansible-playbook PYTHON``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main(program: str, python: str) -> None:
    """Writes NAME.out for every NAME.yml with `hosts:` in it."""
    for playbook in sorted(HERE.glob("*.yml")):
        if "hosts:" not in playbook.read_text(encoding="utf-8"):
            continue
        done = subprocess.run(  # a program that the operator names
            [program, "-i", "hosts", playbook.name, "-e", f"ansible_python_interpreter={python}"],
            cwd=HERE, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"},
        )
        text = done.stdout.replace(str(HERE), "HERE")
        playbook.with_suffix(".out").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
