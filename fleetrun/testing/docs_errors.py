"""docs/reference/errors.md: exit codes and error kinds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Final

from fleetrun.errors import ExitCode
from fleetrun.testing.error_kinds import SENTENCES

_INTRO: Final = """# Errors and exit codes

<!-- Made by `python -m fleetrun.testing.docs`; do not edit. -->

Every error has a *kind*, a message and, where there is something to do, a hint:

```text
error[input/unknown-keyword]: unknown keyword `retires` in task `update`
 --> site.yml:7:7
```

Kinds are stable names: `--output json` has them in `error_kind`. Two errors of the
command line itself have no prefix: `usage` for a flag that is wrong (exit 2) and
`internal` for a bug in fleetrun (exit 1).

## Exit codes

| code | name | meaning | what to do |
|---|---|---|---|
"""

#: Exit code -> (what happened, what to do).
_EXITS: Final[Mapping[ExitCode, tuple[str, str]]] = {
    ExitCode.OK: ("everything is as asked for", "nothing"),
    ExitCode.INTERNAL: ("a bug in fleetrun", "report it; `fleetrun resume last` goes on"),
    ExitCode.INPUT: ("wrong usage or input; nothing was contacted", "mend what the error names"),
    ExitCode.FAILED: (
        "a device failed", "see the summary, mend, then `fleetrun retry last --only failed`",
    ),
    ExitCode.UNREACHABLE: (
        "nothing failed, but devices could not be reached",
        "`fleetrun retry last --only unreachable`",
    ),
    ExitCode.HALTED: ("a gate halted the rollout", "`fleetrun runs show last`, then decide"),
    ExitCode.CHANGES: ("`plan --exit-code`: there is something to do", "look at the plan"),
    ExitCode.UNKNOWN: (
        "what became of a task on a device is not known", "`fleetrun resume last`",
    ),
    ExitCode.LOCKED: (
        "another run holds a device, or another process the run", "wait, or `--on-busy wait`",
    ),
    ExitCode.PREFLIGHT: ("this machine is not fit to run", "`fleetrun doctor`"),
    ExitCode.INTERRUPTED: ("Ctrl-C", "`fleetrun resume last`"),
    ExitCode.TERMINATED: ("SIGTERM", "`fleetrun resume last`"),
}

_PRECEDENCE: Final = """
When several are true of one run, the first of 1, 2, 130, 7, 5, 3, 4 counts.

## Kinds
"""

#: Prefix of kinds -> what they have in common, and the exit code or outcome they end in.
_FAMILIES: Final[Mapping[str, str]] = {
    "bastion": "The bastion cannot start, or its audit log is not whole.",
    "connect": "No session could be made and no command ran: the device is *unreachable*.",
    "demo": "The demo cannot start (exit 9).",
    "engine": "The engine stopped: the device's outcome is *unknown*.",
    "file": "A file could not be moved to or from the device: the task *fails*.",
    "input": "A file of yours is wrong; nothing was contacted (exit 2).",
    "internal": "A bug in fleetrun: the device *fails*, all others go on.",
    "journal": "The journal cannot be used (exit 9); a run that has none touches nothing.",
    "lab": "The lab cannot start (exit 9).",
    "lease": "The run is not ours to write to (exit 8).",
    "lint": "What `fleetrun lint` warns of; the playbook runs all the same.",
    "locked": "Somebody else is at work (exit 8).",
    "lost": "The link went away after the session was made. The device is asked for its receipts; "
    "what they cannot prove is *unknown*.",
    "module": "The module was stopped, or could not do its work: the task *fails*.",
    "reboot": "A reboot went wrong: the task *fails*.",
    "task": "The task *fails* by its own result, or by what the playbook says of it.",
    "template": "A template cannot be rendered for this device: the task *fails*.",
    "usage": "A flag or argument is wrong; nothing was contacted (exit 2).",
}


def errors_reference() -> str:
    """Returns the whole page as Markdown, with a newline at its end."""
    exits = "".join(
        f"| {code.value} | {code.name} | {what} | {then} |\n"
        for code in ExitCode for what, then in [_EXITS[code]]
    )
    families = groupby(sorted(SENTENCES), key=lambda kind: kind.partition("/")[0])
    sections = [_section(prefix, list(kinds)) for prefix, kinds in families]
    return _INTRO + exits + _PRECEDENCE + "".join(sections)


def _section(prefix: str, kinds: list[str]) -> str:
    rows = "".join(f"| `{kind}` | {SENTENCES[kind]} |\n" for kind in kinds)
    return f"\n### {prefix}\n\n{_FAMILIES[prefix]}\n\n| kind | meaning |\n|---|---|\n{rows}"
