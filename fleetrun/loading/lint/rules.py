"""The rules: what works, and yet not as whoever wrote it thinks.

Each rule notes a problem of kind ``lint/<rule>`` at its place; the hint says
what to write instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from fleetrun.loading.fields import Field
from fleetrun.loading.lint.task import LintTask
from fleetrun.model.module import ArgType
from fleetrun.model.values import TemplateText

_PORTS: Final = re.compile(r"\d{1,5}(:\d{1,2})+")
_WORDS: Final = re.compile(r"(?i:yes|no|on|off|y|n)")
_NAME: Final = re.compile(r"[A-Za-z_][\w.]*")
_SECRET: Final = re.compile(r"(?i)\{\{[^}]*(passw|secret|token|api_?key|private_key)")
_SHELL: Final = re.compile(r"[|&;<>`$]")
_KEY_SWITCH: Final = re.compile(r"(?i)StrictHostKeyChecking\s*=\s*no|host_key_checking")
_ALWAYS_TEXT: Final = frozenset({ArgType.STR, ArgType.PATH})

#: Program -> the module that does it, and tells whether it changed anything.
_MODULES: Final[Mapping[str, str]] = {
    "apt-get": "apt", "apt": "apt", "apt-key": "apt_repository", "opkg": "opkg", "apk": "apk",
    "yum": "yum", "dnf": "dnf", "pip": "pip", "pip3": "pip", "systemctl": "systemd",
    "service": "service", "useradd": "user", "usermod": "user", "groupadd": "group",
    "mkdir": "file", "chmod": "file", "chown": "file", "ln": "file", "rm": "file",
    "touch": "file", "cp": "copy", "sed": "replace", "curl": "get_url", "wget": "get_url",
    "git": "git", "tar": "unarchive", "unzip": "unarchive", "mount": "mount",
    "sysctl": "sysctl", "modprobe": "modprobe", "hostnamectl": "hostname",
    "crontab": "cron", "reboot": "reboot", "shutdown": "reboot", "uci": "uci",
    "docker": "docker_container",
}
#: Canaries of this size meet a fault of 5 % of all devices with 95 % certainty.
_CANARY: Final = 59
_SHARE: Final = 0.05


def _source(field: Field) -> str:
    """The value as it stands in the file."""
    return field.document.source(field.pointer) or ""


def surroundings(keys: Mapping[str, Field]) -> None:
    """Values of `vars` and `environment` that YAML read as something else."""
    for name in ("vars", "environment"):
        field = keys.get(name)
        if field is None or not isinstance(field.value, dict):
            continue
        for child in field.children():
            source = _source(child)
            if isinstance(child.value, bool) and _is_country(source):
                child.complain(
                    "lint/yaml-word", f"`{child.pointer[-1]}: {source}` is yes/no, not text",
                    hint=f'quote it when text is meant: "{source}"',
                )
            if isinstance(child.value, str) and _KEY_SWITCH.search(child.value):
                child.complain(
                    "lint/host-keys", "host keys cannot be switched off",
                    hint="record the keys: docs/howto/ssh.md",
                )
            _port(child)


def _is_country(source: str) -> bool:
    """NO, ON, Y: nobody who means yes/no writes it so."""
    return source in {"NO", "No", "ON", "On", "OFF", "Y", "N", "y", "n"}


def _port(field: Field) -> None:
    source = _source(field)
    if _PORTS.fullmatch(source):
        field.complain(
            "lint/unquoted-port", f"{source} without quotes is a number of base 60 for Ansible",
            hint=f'quote it: "{source}"; fleetrun reads it as text either way',
        )


def conditions(keys: Mapping[str, Field]) -> None:
    """Conditions with braces."""
    for name in ("when", "changed_when", "failed_when", "until"):
        field = keys.get(name)
        if field is None:
            continue
        for one in field.children() if isinstance(field.value, list) else [field]:
            if isinstance(one.value, str) and "{{" in one.value:
                one.complain(
                    "lint/braces-in-condition", f"`{name}` is an expression already",
                    hint="write it without {{ }}: what a variable holds could else be run",
                )


def loops(keys: Mapping[str, Field]) -> None:
    """``with_items: packages``: the word, not the variable."""
    for name, field in keys.items():
        is_loop = name == "loop" or name in {"with_items", "with_dict", "with_list"}
        bare = isinstance(field.value, str) and not isinstance(field.value, TemplateText)
        if is_loop and bare and _NAME.fullmatch(str(field.value)):
            field.complain(
                "lint/bare-variable", f"`{name}: {field.value}` is the word {field.value}",
                hint=f'for the variable write "{{{{ {field.value} }}}}"',
            )


def ignored(task: LintTask) -> None:
    """``ignore_errors: yes`` hides all that can go wrong."""
    field = task.keys.get("ignore_errors")
    if field is not None and field.value is True and "register" not in task.keys:
        field.complain(
            "lint/ignore-errors", "every failure is ignored, also those that nobody expects",
            hint="say which ones are none: register the result and use `failed_when`",
        )


def arguments(task: LintTask) -> None:
    """Modes, ports, and words that YAML read as yes/no."""
    specs = task.spec.args if task.spec is not None else {}
    for name, field in task.args.items():
        source = _source(field)
        _port(field)
        if name in {"mode", "directory_mode"} and isinstance(field.value, int):
            is_octal = source.startswith("0")
            wrong = "" if is_octal else f": it means {field.value:o}, not {source}"
            field.complain(
                "lint/unquoted-mode", f"the mode {source} is a number for YAML{wrong}",
                hint=f'quote it: "{source if is_octal else "0" + source}"',
            )
        spec = specs.get(name)
        is_text = spec is not None and spec.type in _ALWAYS_TEXT
        if is_text and isinstance(field.value, bool) and _WORDS.fullmatch(source):
            field.complain(
                "lint/yaml-word", f"`{name}: {source}` is yes/no for YAML, and text is wanted",
                hint=f'quote it: "{source}"',
            )


def free_form(task: LintTask) -> None:
    """``copy: src={{ a }}``: a space in the value cuts it."""
    is_free = task.spec is None or task.spec.free_form
    if not is_free and isinstance(task.action.value, TemplateText) and "=" in task.text:
        task.action.complain(
            "lint/free-form-template", "a value with a space or a quote breaks this line apart",
            hint=f"write the arguments of `{task.module}` as a mapping",
        )


def hidden_module(task: LintTask) -> None:
    """A module of the user's that stands in for one of fleetrun's."""
    path = task.library.hiding.get(task.module)
    if path is not None:
        task.action.complain(
            "lint/hidden-module", f"`{task.module}` is not fleetrun's own module but {path}",
            hint="rename yours, unless it is meant to take that one's place",
        )


def commands(task: LintTask) -> None:
    """A command that a module does better."""
    if task.module not in {"command", "shell"} or {"creates", "removes"} & task.args.keys():
        return
    text = task.text or str(task.args["cmd"].value) if task.text or "cmd" in task.args else ""
    words = text.split()
    if not words or _SHELL.search(text.replace("{{", "").replace("}}", "")):
        return
    module = _MODULES.get(words[0].rsplit("/", 1)[-1], "")
    reads = {"status", "show", "is-active", "is-enabled", "list", "-qa", "ps", "images", "diff"}
    if module not in task.library.names() or reads.intersection(words[1:3]):
        return
    if words[0].endswith("sed") and "-i" not in words:
        return
    task.action.complain(
        "lint/command-for-module", f"`{words[0]}` runs each time and is always changed",
        hint=f"`{module}` changes only what is not so yet, and works with --check",
    )


def secrets(task: LintTask) -> None:
    """A password in an argument that is shown in the output."""
    if "no_log" in task.keys:
        return
    specs = task.spec.args if task.spec is not None else {}
    shown = [
        field for name, field in task.args.items() if name not in specs or not specs[name].secret
    ]
    for field in [*shown, task.action]:
        if isinstance(field.value, TemplateText) and _SECRET.search(str(field.value)):
            field.complain(
                "lint/no-log", "a secret stands in the arguments and may show in the output",
                hint="add `no_log: true` to the task",
            )


def no_become(task: LintTask) -> None:
    """``become_user`` without ``become``."""
    task.keys["become_user"].complain(
        "lint/become-user", "`become_user` alone does not make the task become anybody",
        hint="add `become: true`, unless --become or a variable says it",
    )


def latest(task: LintTask) -> None:
    """``state: latest`` in a staged play: the canary may have met another version."""
    state = task.args.get("state")
    if state is not None and state.value == "latest":
        state.complain(
            "lint/latest-in-stages",
            "later stages may get a newer version than the one that the canary proved",
            hint="name the version",
        )


def unnamed_handler(task: LintTask) -> None:
    """A handler that nothing can notify."""
    task.field.complain(
        "lint/unnamed-handler", "this handler has no name and listens to nothing",
        hint="give it the name that `notify` uses",
    )


def canary(keys: Mapping[str, Field]) -> None:
    """A first stage that is too small to meet the faults that matter."""
    rollout = keys.get("rollout")
    stages = rollout.value.get("stages") if rollout and isinstance(rollout.value, dict) else None
    if rollout is None or not isinstance(stages, list) or len(stages) < 2:
        return
    first = rollout.child("stages").child(0)
    pick = first.value.get("pick") if isinstance(first.value, dict) else None
    if not isinstance(pick, int) or isinstance(pick, bool) or not 0 < pick < _CANARY:
        return
    chance = 100 * (1 - math.pow(1 - _SHARE, pick))
    first.child("pick").complain(
        "lint/small-canary",
        f"{pick} devices meet a fault of 5 % of all devices with {chance:.0f} % certainty",
        hint=f"{_CANARY} devices meet it with 95 %",
    )
