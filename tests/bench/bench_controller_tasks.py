"""What a task that runs on the controller costs: set_fact, debug, assert with templates.

    python tests/bench/bench_controller_tasks.py [--tasks 1000] [--devices 50] [--profile] [--whole]

A play of 1,000 tasks goes through the loader; each device walks it with a
`DeviceProgram`, as in a run, without a transport. Printed is controller CPU per
task and device. The budget of a 1,000-task play over 1,000 devices is 0.5 ms.
With --whole the command line runs the play, journal and output included; what
two devices cost is taken off, so that start and loading do not count.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fleetrun.actions.registry import CONTROLLER_ACTIONS
from fleetrun.app.loaded import make_templater
from fleetrun.loading.modules import load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.model.playbook import Play
from fleetrun.model.run import Invocation
from fleetrun.model.steps import Done, Report
from fleetrun.model.values import Value
from fleetrun.planning.arguments import coerce
from fleetrun.planning.device_program import DeviceProgram
from fleetrun.planning.device_state import DeviceState
from fleetrun.planning.toolbox import DeviceVars, ProgramOptions, Toolbox

BUDGET_MS = 0.5

#: The shapes of real playbooks' controller-side tasks, by turns.
TASKS = (
    """
    - name: "fact {n}"
      set_fact:
        fact_{m}: "{{{{ base_port + {n} }}}}"
    """,
    """
    - name: "path {n}"
      set_fact:
        path_{m}: "{{{{ prefix }}}}/{{{{ inventory_hostname }}}}/{n}"
        list_{m}: "{{{{ users | map(attribute='name') | list }}}}"
      when: enabled | bool
    """,
    """
    - name: "show {n}"
      debug:
        msg: "{{{{ prefix }}}} {{{{ fact_{f} | default('-') }}}} {{{{ ansible_facts.os_family }}}}"
    """,
    """
    - name: "check {n}"
      assert:
        that:
          - base_port > 1000
          - prefix is defined and prefix | length > 1
          - users | length == 3
        quiet: true
    """,
    """
    - name: "skip {n}"
      debug:
        msg: never
      when:
        - ansible_facts.os_family == 'RedHat'
        - enabled | bool
    """,
    """
    - name: "loop {n}"
      set_fact:
        last_{m}: "{{{{ item.name }}}}"
      loop: "{{{{ users }}}}"
      loop_control:
        label: "{{{{ item.name }}}}"
      register: looped
    """,
    """
    - name: "var {n}"
      debug:
        var: users
      vars:
        local: "{{{{ prefix }}}}/x"
    """,
    """
    - name: "last {n}"
      set_fact:
        was_changed: "{{{{ looped is changed }}}}"
      when: looped is defined
    """,
)

BASE: dict[str, Value] = {
    "users": [{"name": name, "uid": uid} for uid, name in enumerate(("ann", "bob", "cy"))],
    "ansible_host": "192.0.2.1",
    **{f"inventory_{number}": f"value {number}" for number in range(100)},
}
FACTS: dict[str, Value] = {
    "ansible_os_family": "Debian", "ansible_hostname": "gw",
    **{f"ansible_fact_{number}": [number] * 5 for number in range(150)},
}


def write_playbook(folder: Path, count: int) -> Path:
    """A play of `count` tasks."""
    lines = ["- hosts: all", "  gather_facts: no", "  vars:", "    prefix: /opt/app",
             "    base_port: 8000", "    enabled: 'yes'", "  tasks:"]
    for number in range(count):
        text = TASKS[number % len(TASKS)]
        near = number - number % len(TASKS)
        lines.append(text.format(n=number, m=number % 40, f=near % 40).strip("\n"))
    path = folder / "play.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def walk(play: Play, toolbox: Toolbox, device: str) -> Counter[str]:
    """Runs one device through the play; statuses by name."""
    program = DeviceProgram(
        play, toolbox=toolbox, options=ProgramOptions(), state=DeviceState(facts=dict(FACTS)),
        device_vars=DeviceVars(
            base=BASE, play=play.vars,
            magic={"inventory_hostname": device, "groups": {"all": [device]}},
        ),
    )
    seen: Counter[str] = Counter()
    while True:
        work = program.next()
        if isinstance(work, Done):
            return seen
        if not isinstance(work, Report):
            raise TypeError(f"a controller-side play wants {work}")
        seen[work.result.status.value] += 1


def whole_cpu_s(folder: Path, tasks: int, devices: int) -> float:
    """CPU seconds that `fleetrun run` takes for the play on so many devices."""
    playbook = write_playbook(folder, tasks)
    variables = "    ansible_facts: {os_family: Debian}\n    users: " + json.dumps(BASE["users"])
    text = playbook.read_text(encoding="utf-8")
    playbook.write_text(text.replace("  vars:\n", f"  vars:\n{variables}\n", 1), encoding="utf-8")
    names = [f"gw-{number:06} ansible_connection=local\n" for number in range(devices)]
    (folder / "hosts").write_text("".join(names), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "fleetrun.cli.main", "run", str(playbook), "-i", "hosts"],
        cwd=folder, env={**os.environ, "FLEETRUN_STATE": str(folder / f"state-{devices}")},
        check=True, capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def whole(tasks: int, devices: int) -> float:
    """Milliseconds of CPU per task and device of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        few = whole_cpu_s(Path(folder), tasks, 2)
        many = whole_cpu_s(Path(folder), tasks, devices + 2)
    return (many - few) / devices / tasks * 1000


def main(arguments: list[str]) -> int:
    """Prints the figure; 1 when it is over the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args(arguments)
    if args.whole:
        each_ms = whole(args.tasks, args.devices)
        sys.stdout.write(
            f"{args.tasks} tasks, {args.devices} devices, a whole run: {each_ms:.3f} ms of "
            f"controller CPU per task and device (budget {BUDGET_MS} ms)\n"
        )
        return int(each_ms > BUDGET_MS)
    library = load_library()
    with tempfile.TemporaryDirectory() as folder:
        play = PlaybookLoader(library).load(
            str(write_playbook(Path(folder), args.tasks))
        ).plays[0]
    toolbox = Toolbox(
        templater=make_templater(Invocation(), "."), module=library.get, coerce=coerce,
        actions=CONTROLLER_ACTIONS,
    )
    begin = time.process_time()
    seen = walk(play, toolbox, "warm")
    first = time.process_time() - begin
    profile = cProfile.Profile() if args.profile else None
    if profile:
        profile.enable()
    begin = time.process_time()
    for number in range(args.devices):
        walk(play, toolbox, f"gw-{number:06}")
    spent = time.process_time() - begin
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    each_ms = spent / args.devices / args.tasks * 1000
    sys.stdout.write(
        f"{args.tasks} tasks ({dict(seen)}), {args.devices} devices\n"
        f"first device, with compiling: {first * 1000 / args.tasks:.3f} ms a task\n"
        f"controller CPU per task and device: {each_ms:.3f} ms (budget {BUDGET_MS} ms)\n"
    )
    return int(each_ms > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
