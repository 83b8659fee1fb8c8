"""Records what Ansible registers for loops/playbook.yml, into loops/expected.json.

Run by hand when a task is added; tests only read the result:

    python record_loops.py FOLDER_WITH_ANSIBLE_COMMANDS
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent / "loops"


def main(commands: str) -> None:
    """Writes expected.json."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "registered.json"
        subprocess.run(
            [str(Path(commands) / "ansible-playbook"), "-e", f"recording={recording}",
             "playbook.yml"],
            cwd=HERE, check=True, capture_output=True,
        )
        registered = json.loads(recording.read_text(encoding="utf-8"))
    text = json.dumps(registered, indent=1, sort_keys=True).replace(str(HERE), "HERE")
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
