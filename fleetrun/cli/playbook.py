"""fleetrun playbook: `run` for people who come from ansible-playbook."""

from __future__ import annotations

from typing import Any

import click

from fleetrun.cli.options import INVENTORY_OPTIONS, OUTPUT_OPTIONS, RUN_OPTIONS, add
from fleetrun.cli.run import LIST_OPTIONS, PLAYBOOK_OPTIONS, run_playbook


@click.command(epilog="""\b
Examples:
  fleetrun playbook -i hosts.ini site.yml
  fleetrun playbook -i hosts.ini site.yml -l web -t config --check --diff
  fleetrun playbook -i hosts.ini one.yml two.yml --ansible-exit-codes
\b
Takes every flag of ansible-playbook, ANSIBLE_* variables and ansible.cfg (see
`fleetrun config show --origin`), and prints what Ansible prints.
Exit codes: as `fleetrun run`; Ansible's own with --ansible-exit-codes.
""")
@click.argument("playbooks", nargs=-1, required=True, metavar="PLAYBOOK...")
@add(INVENTORY_OPTIONS, PLAYBOOK_OPTIONS, RUN_OPTIONS, LIST_OPTIONS, OUTPUT_OPTIONS)
def command(playbooks: tuple[str, ...], **flags: Any) -> int:
    """Run each PLAYBOOK, one after the other; stop at the first that fails."""
    for playbook in playbooks:
        code = run_playbook(playbook=playbook, **flags)
        if code:
            return code
    return 0
