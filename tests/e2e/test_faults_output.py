"""Devices that print what they should not: data stays data, and memory stays small."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.conftest import CommandLine
from tests.support.fakes import FakeFleet, fake_fleet
from tests.support.inventories import assert_whole, finished, results_of, write_inventory

GOOD = ("good-1", "good-2")
EVIL = "{{ lookup('pipe', 'touch PWNED') }}{% raw %}${HOME}$(touch PWNED)"


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeFleet]:
    with fake_fleet(tmp_path_factory.mktemp("fakes")) as made:
        yield made


@pytest.fixture(scope="module")
def line(fakes: FakeFleet) -> CommandLine:
    return CommandLine(fakes.folder)


@pytest.fixture(scope="module")
def devices(fakes: FakeFleet) -> dict[str, dict]:
    return {name: fakes.device(name) for name in GOOD}


def run(line: CommandLine, name: str, devices: dict, tasks: str, *flags: str) -> CompletedProcess:
    """Runs tasks on devices, with an inventory and a playbook of their own."""
    inventory = write_inventory(line.folder, devices, f"{name}.json.yml")
    line.play(f"{name}.yml", f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
    return line("run", f"{name}.yml", "-i", inventory, "--output", "json", *flags)


def test_how_a_command_ends_is_told_apart(line, devices):
    """Exit 255, a signal, a killed shell, output that says error: each is itself."""
    done = run(line, "ends", devices, """
    - {name: rc, shell: "exit 255", ignore_errors: true}
    - {name: term, shell: "kill -TERM $$", ignore_errors: true}
    - {name: kill, shell: "kill -KILL $$", ignore_errors: true}
    - {name: says error, shell: "echo 'error: failed' >&2; exit 0"}
    - {name: missing, command: /no/such/program, ignore_errors: true}
    - {name: after, shell: "echo alive"}
""")
    assert_whole(done, 0, dict.fromkeys(GOOD, "changed"), line.folder / "state")
    results = results_of(done, "good-1")
    assert {
        "rc": (255, "task/failed"), "term": (143, "module/killed"),
        "kill": (137, "module/killed"), "says error": (0, ""), "missing": (2, "task/failed"),
        "after": (0, ""),
    } == {name: (it["values"]["rc"], it["error_kind"]) for name, it in results.items()}
    assert ["TERM", "KILL"] == [results[name]["values"]["signal"] for name in ("term", "kill")]


def test_a_forged_frame_in_output_is_output(line, devices):
    """Text that looks like our control lines does not change a result."""
    nonce = "0123456789abcdef" * 2
    lines = [
        "", f'{nonce} f 0 {{"changed":false}}', "", f"{nonce} e 0 97", "",
        f"{nonce} d 0 0 - frame - - - - {{}}", "fleetrun:shell", "fleetrun:password:", "fr:ok",
    ]
    words = " ".join(shlex.quote(text) for text in lines)
    tasks = (
        {"name": "forged", "shell": f"printf '%s\\n' {words}; exit 3", "ignore_errors": True},
        {"name": "next", "shell": "echo fine"},
    )
    text = "".join(f"    - {json.dumps(task)}\n" for task in tasks)
    done = run(line, "forged", devices, text)
    assert_whole(done, 0, dict.fromkeys(GOOD, "changed"), line.folder / "state")
    forged = results_of(done, "good-1")["forged"]
    assert ("failed", 3) == (forged["status"], forged["values"]["rc"])
    assert "\n".join(lines) == forged["values"]["stdout"]
    assert "fine" == results_of(done, "good-1")["next"]["values"]["stdout"]


#: Control lines behind the true nonce -> what becomes of the device. One that
#: says that all went well is believed: it has the last word about itself.
FORGERIES = {
    "garbage": (["r {broken", "e 99 0", "d x y z", "d 0 0 - frame - - - -", "f", "e 0"], "unknown"),
    "no-trap-ran": (["r {}", 'f 0 {"changed": true}', "e 0 0"], "failed"),
    "huge-length": (["r {}", 'd 0 0 - exec 99999999999999999999 x 1 y {"stdout": 1}'], "ok"),
    "goodbye": (["r []", "g"], "unknown"),
    "odd-types": (['r {"uptime": "soon", "boot_id": {"a": 1}}', "n 0", "i 0", "v 0"], "unknown"),
    "odd-uptime": (['r {"uptime": "soon"}'], "unknown"),
    "deep": (["r {" + '"a":' * 2000], "unknown"),
    "odd-result": (["r {}", 'd 0 0 - exec - - - - {"changed": [], "rc": {}, "stdout_lines": 7, '
                    '"ansible_facts": [1], "diff": "x", "msg": null}'], "ok"),
}


@pytest.fixture(scope="module")
def forged(fakes: FakeFleet, line: CommandLine, devices: dict) -> CompletedProcess[str]:
    """One run over all of them and the good ones."""
    forgers = {name: fakes.device(name, {"forges": it[0]}) for name, it in FORGERIES.items()}
    inventory = write_inventory(fakes.folder, {**devices, **forgers}, "forgers.yml")
    return line("exec", "all", "-i", inventory, "--output", "json", "-D", "--", "true")


def test_devices_that_forge_our_frames_hurt_only_themselves(line, forged):
    """Even with the true nonce: no crash, no endless wait, nobody else is affected."""
    expected = {name: outcome for name, (_, outcome) in FORGERIES.items()}
    assert_whole(forged, 7, {**dict.fromkeys(GOOD, "changed"), **expected}, line.folder / "state")


@pytest.mark.parametrize("name", [name for name in FORGERIES if FORGERIES[name][1] != "ok"])
def test_a_forgery_that_is_no_answer_says_so(forged, name):
    """A person sees what was wrong with the device, not a stack trace."""
    event = finished(forged, name)
    assert event["error_kind"] in {"lost/crash-loop", "module/bad-output"}, event
    words = ("the link was lost 6 times", "ended without a result")
    assert any(it in event["reason"] for it in words), event


def test_facts_output_and_names_are_never_rendered(fleet, fleetrun):
    """Template marks and shell marks from a device stay what they are, wherever they go."""
    evil = EVIL[:64]
    fleet.path("sensor-003", "/etc/os-release").write_text(f'ID=odd\nNAME="{EVIL}"\n')
    fleet.path("sensor-003", "/root/files").mkdir()
    fleet.path("sensor-003", "/root/said").write_text(EVIL)
    inventory = fleet.inventory
    fleetrun.play("evil.yml", """
- hosts: sensor-003
  gather_facts: false
  tasks:
    - {name: rename, shell: 'busybox hostname "$(head -c 64 /root/said)"'}
    - {name: facts, setup: }
    - {name: said, shell: "cat said; cat said >&2", args: {chdir: /root}, register: said}
    - name: names
      shell: 'cd files; : >"$(tr / _ <../said)"; ls'
      args: {chdir: /root}
      register: names
    - name: show
      debug: {msg: "{{ ansible_hostname }}|{{ ansible_distribution }}|{{ said.stdout }}"}
    - {name: keep, set_fact: {kept: "{{ said.stderr }}"}}
    - name: again
      command:
        argv: [echo, "{{ kept }}", "{{ ansible_facts.hostname }}"]
        expand_argument_vars: false
    - {name: conf, copy: {content: "{{ kept }}\\n", dest: /root/conf}}
    - name: loop
      command: {argv: [echo, "{{ item }}"], expand_argument_vars: false}
      loop: "{{ names.stdout_lines }}"
    - {name: judged, command: "true", when: "said.stdout is search('lookup')"}
""")
    done = fleetrun("run", "evil.yml", "-i", inventory, "--output", "json", "-D", "-vvv")
    assert_whole(done, 0, {"sensor-003": "changed"}, fleetrun.folder / "state")
    results = results_of(done, "sensor-003")
    facts = results["facts"]["values"]["ansible_facts"]
    assert (evil, EVIL) == (facts["ansible_nodename"], facts["ansible_distribution"])
    name = facts["ansible_hostname"]
    assert "{{ lookup(" in name
    assert (EVIL, EVIL) == tuple(results["said"]["values"][it] for it in ("stdout", "stderr"))
    assert f"{name}|{EVIL}|{EVIL}" == results["show"]["values"]["msg"]
    assert f"{EVIL} {name}" == results["again"]["values"]["stdout"]
    assert f"{EVIL}\n" == fleet.read("sensor-003", "/root/conf")
    assert EVIL == results["loop"]["values"]["results"][0]["stdout"]
    assert "changed" == results["judged"]["status"]
    shown = fleetrun("run", "evil.yml", "-i", inventory, "-D", "-vvv")
    assert (0, True) == (shown.returncode, EVIL in shown.stdout + shown.stderr)
    pwned = [*fleetrun.folder.rglob("PWNED"), *fleet.lab.folder.rglob("PWNED")]
    assert [] == [*pwned, *Path.cwd().glob("PWNED")]


BAD_BYTES = r"""printf 'bad \377\376 bytes \033]0;title\007 \033[2J \302\233 \342\200\256 end\n'"""


def test_output_that_is_no_text_is_shown_escaped_in_json(line, devices):
    """Every line is valid JSON and ASCII; undecodable bytes are visible."""
    done = run(line, "bytes", devices, f"    - {{name: bad, shell: {json.dumps(BAD_BYTES)}}}\n")
    assert_whole(done, 0, dict.fromkeys(GOOD, "changed"), line.folder / "state")
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    said = results_of(done, "good-1")["bad"]["values"]["stdout"]
    assert said.startswith("bad \\xff\\xfe bytes \x1b]0;title\x07")


def test_output_that_is_no_text_is_shown_escaped_on_a_terminal(line, devices):
    """No byte of a device reaches the terminal as a control sequence."""
    inventory = write_inventory(line.folder, devices, "tty.yml")
    shown = on_terminal(line, "exec", "all", "-i", inventory, "-m", "shell", "-a", BAD_BYTES)
    assert rb"bad \xff\xfe bytes \x1b]0;title\x07 \x1b[2J \x9b \u202e end" in shown
    for raw in (b"\x1b]0;", b"\x1b[2J", b"\xff", b"\x07", "\u202e".encode(), b"\xc2\x9b"):
        assert raw not in shown, raw


def on_terminal(line: CommandLine, *words: str) -> bytes:
    """Everything that fleetrun writes to a terminal of its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "fleetrun.cli.main", *words], cwd=line.folder,
        env=line.environment(TERM="xterm", COLUMNS="200"), stdin=slave, stdout=slave, stderr=slave,
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass  # how a terminal says that nobody is left
    finally:
        os.close(master)
    assert process.wait(timeout=30) == 0, shown
    return shown


LIMIT_KB = 60 * 1024
_MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def measured(line: CommandLine, inventory: str, *words: str) -> tuple[CompletedProcess[str], int]:
    """Runs `exec all`; returns what came and the peak memory in KB."""
    peak = line.folder / "peak"
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(peak), sys.executable, "-m", "fleetrun.cli.main",
         "exec", "all", "-i", inventory, "--output", "json", *words],
        cwd=line.folder, env=line.environment(), capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL, check=False,
    )
    return done, int(peak.read_text())


def test_200_mb_of_output_are_capped_and_cost_no_memory(fakes, line, devices):
    """Head and tail are kept, length and checksum are of the whole."""
    inventory = write_inventory(line.folder, devices, "large.yml")
    small, before = measured(line, inventory, "--", "true")
    assert_whole(small, 0, dict.fromkeys(GOOD, "changed"), line.folder / "state")
    script = "if [ -e ~/large ]; then yes 0123456 | head -c 200000000; echo end; fi"
    (fakes.home("good-1") / "large").touch()
    done, after = measured(line, inventory, "-m", "shell", "-a", script)
    assert_whole(done, 0, dict.fromkeys(GOOD, "changed"), line.folder / "state")
    values = results_of(done, "good-1")[""]["values"]
    whole = b"0123456\n" * 25_000_000 + b"end\n"
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (
        values["stdout_bytes"], values["stdout_sha256"]
    )
    assert values["stdout"].startswith("0123456\n")
    assert values["stdout"].endswith("0123456\nend")
    assert len(values["stdout"]) < 1_200_000
    assert after - before < LIMIT_KB, f"{before} KB -> {after} KB"


def test_a_device_that_floods_us_costs_no_memory(fakes, line, devices):
    """64 MB straight down the channel, past every cap of the device's side."""
    inventory = write_inventory(line.folder, devices, "calm.yml")
    _, before = measured(line, inventory, "--", "true")
    flooder = fakes.device("flooder", {"floods": 64 * 1024 * 1024})
    inventory = write_inventory(line.folder, {**devices, "flooder": flooder}, "flood.yml")
    done, after = measured(line, inventory, "--", "true")
    outcome = finished(done, "flooder")["outcome"]
    assert outcome in {"unknown", "unreachable"}
    expected = {**dict.fromkeys(GOOD, "changed"), "flooder": outcome}
    assert_whole(done, 7 if outcome == "unknown" else 4, expected, line.folder / "state")
    assert after - before < LIMIT_KB, f"{before} KB -> {after} KB"
