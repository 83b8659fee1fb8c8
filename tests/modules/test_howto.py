"""The module that docs/howto/write-a-module.md shows works as it stands there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fleetrun.loading.modules import load_library
from fleetrun.planning.arguments import coerce

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "write-a-module.md"


def test_the_example_does_what_it_says(make_device, make_step, tmp_path: Path) -> None:
    """Checked, run, and run again: says it would, does it, finds it done."""
    spec_text, program = re.findall(r"```(?:yaml|sh)\n(.*?)```", HOWTO.read_text(), re.DOTALL)[:2]
    library = tmp_path / "library"
    library.mkdir()
    (library / "motd.yml").write_text(spec_text)
    (library / "motd.sh").write_text(program)
    spec = load_library([library]).get("motd")
    assert spec is not None
    device = make_device("busybox")
    args = coerce(spec, {"text": "hello", "dest": f"{device.root}/motd"})
    steps = [
        replace(make_step("ping", {}, seq=seq, check=seq == 0), spec=spec, args=args)
        for seq in range(3)
    ]
    replies = device.run(*steps)
    assert [reply.exit_status for reply in replies] == [0, 0, 0], replies
    assert [reply.values["changed"] for reply in replies] == [True, True, False]
    assert replies[0].values["diff"]["after"] == "hello\n"
    assert (device.root / "motd").read_text() == "hello\n"
