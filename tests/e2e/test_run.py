"""Playbooks and ad-hoc commands on simulated devices, through real SSH."""

from __future__ import annotations

import json
import time

from tests.e2e.conftest import interrupt

ALL = ["gw-001", "sensor-001", "sensor-002", "sensor-003", "sensor-004"]

EVERYTHING = """
- name: everything at once
  hosts: all
  gather_facts: false
  vars: {folder: /opt/app, colour: blue}
  tasks:
    - {name: who, command: hostname, register: who, changed_when: false}
    - {name: folder, file: {path: "{{ folder }}", state: directory, mode: "0750"}}
    - name: configuration
      copy: {content: "colour={{ colour }}\\nhost={{ who.stdout }}\\n", dest: "{{ folder }}/conf"}
      notify: restart
    - {name: line, lineinfile: {path: "{{ folder }}/conf", line: "extra=1", regexp: "^extra="}}
    - {name: look, stat: {path: "{{ folder }}/conf"}, register: look}
    - {name: check, assert: {that: [look.stat.exists, look.stat.size > 10]}}
    - name: risky
      block:
        - {name: fails, command: "false"}
      rescue:
        - {name: rescued, shell: "echo rescued > {{ folder }}/rescued"}
      always:
        - {name: always, command: "touch {{ folder }}/always"}
    - {name: many, command: "touch {{ folder }}/{{ item }}", loop: [one, two]}
  handlers:
    - {name: restart, shell: "echo restarted >> {{ folder }}/restarts"}
"""


def test_a_playbook_runs_and_is_idempotent(fleet, fleetrun):
    """Every kind of task works on every device; files do not change the second time."""
    fleetrun.play("play.yml", EVERYTHING)
    first = fleetrun("run", "play.yml", "-i", fleet.inventory)
    assert first.returncode == 0, first.stderr + first.stdout
    for device in ALL:
        assert fleet.read(device, "/opt/app/conf") == f"colour=blue\nhost={device}\nextra=1\n"
        assert fleet.read(device, "/opt/app/restarts") == "restarted\n"
        assert fleet.read(device, "/opt/app/rescued") == "rescued\n"
        assert fleet.path(device, "/opt/app/always").exists()
        assert fleet.path(device, "/opt/app/two").exists()


def test_output_json_is_one_event_per_line_and_counts_sum(fleet, fleetrun):
    """stdout is pure NDJSON; the last event has every device once."""
    fleetrun.play("play.yml", "- {hosts: all, gather_facts: false, tasks: [{ping: }]}\n")
    events = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    assert events[0]["type"] == "version"
    assert events[-1]["type"] == "run_finished"
    assert events[-1]["outcomes"] == dict.fromkeys(ALL, "ok")


def test_facts_are_gathered_without_python(fleet, fleetrun):
    """gather_facts gives Ansible's names from one sh script."""
    fleetrun.play("play.yml", """
- hosts: gateways
  tasks:
    - {copy: {content: "{{ ansible_facts.hostname }} {{ ansible_kernel }}", dest: /root/facts}}
""")
    done = fleetrun("run", "play.yml", "-i", fleet.inventory)
    assert done.returncode == 0, done.stderr + done.stdout
    import platform

    assert fleet.read("gw-001", "/root/facts") == f"gw-001 {platform.release()}"


def test_exec_folds_identical_output(fleet, fleetrun):
    """Ad hoc: one line for what is the same everywhere."""
    done = fleetrun("exec", "all", "-i", fleet.inventory, "--", "echo", "same $HOME")
    assert done.returncode == 0, done.stderr
    assert "5 devices" in done.stdout
    assert "same $HOME" in done.stdout


def test_exec_passes_words_untouched(fleet, fleetrun):
    """No shell sees the words: quotes, globs and dollars stay."""
    words = ("printf", "%s|", "a b", "*", "$(id)")
    done = fleetrun("exec", "gw-001", "-i", fleet.inventory, "--", *words)
    assert "a b|*|$(id)|" in done.stdout


def test_check_mode_touches_nothing_and_diff_shows_what_would(fleet, fleetrun):
    """--check --diff says changed, shows the text, and the file is not there."""
    fleetrun.play("play.yml", """
- hosts: gw-001
  gather_facts: false
  tasks: [{name: conf, copy: {content: "new line\\n", dest: /etc/checked}}]
""")
    done = fleetrun("run", "play.yml", "-i", fleet.inventory, "-C", "-D")
    assert done.returncode == 0, done.stderr
    assert "+new line" in done.stdout + done.stderr
    assert not fleet.path("gw-001", "/etc/checked").exists()


def test_a_failing_device_does_not_stop_the_others(fleet, fleetrun):
    """Exit 3, the failed device is named, the others are done, and a next command is shown."""
    fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  tasks:
    - {command: "false", when: inventory_hostname == 'sensor-002', name: breaks}
    - {command: touch /root/done}
""")
    done = fleetrun("run", "play.yml", "-i", fleet.inventory)
    assert done.returncode == 3
    said = done.stdout + done.stderr
    assert "sensor-002" in said
    assert "fleetrun retry" in said
    assert not fleet.path("sensor-002", "/root/done").exists()
    assert fleet.path("sensor-003", "/root/done").exists()
    again = fleetrun("retry", "last", "--only", "failed", "--output", "json")
    outcomes = json.loads(again.stdout.splitlines()[-1])["outcomes"]
    assert outcomes == {"sensor-002": "failed"}


def test_include_and_template_and_tags(fleet, fleetrun):
    """Included files, template files and tags work from the playbook's folder."""
    (fleetrun.folder / "templates").mkdir()
    text = "{% for i in [1, 2] %}\nn{{ i }}\n{% endfor %}\n"
    (fleetrun.folder / "templates/conf.j2").write_text(text)
    fleetrun.play("more.yml", "- {template: {src: conf.j2, dest: /root/conf}, tags: [conf]}\n")
    fleetrun.play("play.yml", """
- hosts: gw-001
  gather_facts: false
  tasks:
    - {include_tasks: more.yml, tags: [conf]}
    - {command: touch /root/untagged}
""")
    done = fleetrun("run", "play.yml", "-i", fleet.inventory, "-t", "conf")
    assert done.returncode == 0, done.stderr + done.stdout
    assert fleet.read("gw-001", "/root/conf") == "n1\nn2\n"
    assert not fleet.path("gw-001", "/root/untagged").exists()


def test_a_large_binary_file_arrives_whole(fleet, fleetrun):
    """Files above the inline limit are uploaded beside the program, and only once."""
    import hashlib
    import os

    content = os.urandom(700_000) + b"\0end"
    (fleetrun.folder / "files").mkdir()
    (fleetrun.folder / "files/image").write_bytes(content)
    fleetrun.play("play.yml", """
- hosts: gw-001
  gather_facts: false
  tasks: [{name: image, copy: {src: image, dest: /opt/image, mode: "0600"}}]
""")
    first = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    arrived = fleet.path("gw-001", "/opt/image").read_bytes()
    assert hashlib.sha256(arrived).hexdigest() == hashlib.sha256(content).hexdigest()
    second = fleetrun.events("run", "play.yml", "-i", fleet.inventory)
    assert [first[-1]["outcomes"], second[-1]["outcomes"]] == [
        {"gw-001": "changed"}, {"gw-001": "ok"},
    ]


def test_reboot_is_proved_by_the_boot_id(fleet, fleetrun):
    """reboot waits for a new boot_id and the play goes on afterwards."""
    fleetrun.play("play.yml", """
- hosts: sensor-004
  gather_facts: false
  tasks:
    - {command: cat /proc/sys/kernel/random/boot_id, register: before}
    - {reboot: {reboot_timeout: 60}}
    - {command: cat /proc/sys/kernel/random/boot_id, register: after}
    - {assert: {that: ["before.stdout != after.stdout"]}}
""")
    done = fleetrun("run", "play.yml", "-i", fleet.inventory)
    assert done.returncode == 0, done.stderr + done.stdout


def test_a_task_timeout_kills_what_it_started(fleet, fleetrun):
    """timeout: the whole process group goes, the task fails, the device is free."""
    fleetrun.play("play.yml", """
- hosts: gw-001
  gather_facts: false
  tasks: [{name: long, shell: "sleep 4242 & sleep 4243", timeout: 1}]
""")
    done = fleetrun("run", "play.yml", "-i", fleet.inventory)
    assert done.returncode == 3
    assert "timed out" in done.stdout + done.stderr
    time.sleep(0.5)
    left = fleetrun("exec", "gw-001", "-i", fleet.inventory, "-m", "shell", "-a",
                    "grep -l 'sleep.424' /proc/[0-9]*/cmdline | wc -l")
    assert "0" in left.stdout


def test_ctrl_c_drains_and_resume_finishes(fleet, fleetrun):
    """One Ctrl-C: exit 130 with the resume command; resume ends as if nothing happened."""
    fleetrun.play("play.yml", """
- hosts: all
  gather_facts: false
  tasks:
    - {name: one, shell: "echo x >> /root/one; sleep 1"}
    - {name: wait, command: "true", when: one is not defined}
    - {name: two, shell: "echo x >> /root/two", register: r}
    - {name: three, shell: "echo {{ r.rc }} >> /root/three"}
""")
    process = fleetrun.start("run", "play.yml", "-i", fleet.inventory, "-f", "2")
    time.sleep(1.6)
    interrupt(process)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Ctrl-C again" in err
    assert "fleetrun resume" in out + err
    done = fleetrun("resume", "last")
    assert done.returncode == 0, done.stdout + done.stderr
    for device in ALL:
        assert fleet.read(device, "/root/one") == "x\n"
        assert fleet.read(device, "/root/two") == "x\n"
        assert fleet.read(device, "/root/three") == "0\n"


def test_locked_devices_exit_8_and_name_the_holder(fleet, fleetrun):
    """Two runs on one device: the second exits 8 in no time, or waits when told to."""
    play = "- {hosts: gw-001, gather_facts: false, tasks: [{command: sleep 3}]}\n"
    fleetrun.play("play.yml", play)
    first = fleetrun.start("run", "play.yml", "-i", fleet.inventory)
    time.sleep(1.5)
    second = fleetrun("run", "play.yml", "-i", fleet.inventory)
    waiting = fleetrun("run", "play.yml", "-i", fleet.inventory, "--on-busy", "wait")
    first.communicate(timeout=30)
    assert second.returncode == 8
    assert "locked by run" in second.stderr
    assert first.returncode == 0
    assert waiting.returncode == 0, waiting.stderr


def test_plan_apply_and_a_stale_plan(fleet, fleetrun):
    """A saved plan runs; after an edit it is refused and says what changed."""
    play = "- {hosts: gateways, gather_facts: false, tasks: [{command: touch /root/planned}]}\n"
    fleetrun.play("play.yml", play)
    planned = fleetrun("plan", "play.yml", "-i", fleet.inventory, "-o", "p.plan", "--exit-code")
    assert planned.returncode == 6
    assert fleetrun("apply", "p.plan").returncode == 0
    assert fleet.path("gw-001", "/root/planned").exists()
    fleetrun.play("play.yml", play + "# edited\n")
    stale = fleetrun("apply", "p.plan")
    assert stale.returncode == 2
    assert "play.yml was edited" in stale.stderr


def test_lists_and_shows(fleet, fleetrun):
    """The listing verbs work without contacting anything."""
    play = "- {hosts: sensors, gather_facts: false, tasks: [{name: a, ping: }]}\n"
    fleetrun.play("play.yml", play)
    assert "sensor-001" in fleetrun("run", "play.yml", "-i", fleet.inventory, "--list-hosts").stdout
    assert "a\tTAGS" in fleetrun("run", "play.yml", "-i", fleet.inventory, "--list-tasks").stdout
    assert fleetrun("run", "play.yml", "-i", fleet.inventory, "--syntax-check").returncode == 0
    assert fleetrun("inventory", "list", "sensors:!sensor-001", "-i", fleet.inventory).stdout == (
        "sensor-002\nsensor-003\nsensor-004\n"
    )
    assert "|--@sensors:" in fleetrun("inventory", "graph", "-i", fleet.inventory).stdout
    shown = json.loads(fleetrun("inventory", "show", "gw-001", "-i", fleet.inventory).stdout)
    assert shown["vars"]["device_type"] == "x86-gw"
    assert fleetrun("run", "play.yml", "-i", fleet.inventory).returncode == 0
    assert "play.yml" in fleetrun("runs", "list").stdout
    assert fleetrun("runs", "show", "last").returncode == 0
    assert "lineinfile" in fleetrun("doc").stdout
    assert "regexp" in fleetrun("doc", "lineinfile").stdout
    assert "_FLEETRUN_COMPLETE" in fleetrun("completion", "bash").stdout
