"""Every setting: its name in fleetrun.toml, its variables, its key in ansible.cfg."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a setting takes."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "yes/no"
    #: Words, separated by commas where it is written as one text.
    WORDS = "list of text"
    PATH = "path"
    #: Separated by commas; a path that is no URL and no "a,b," list is relative to the file.
    PATHS = "list of paths"
    #: Separated by colons, as PATH is.
    FOLDERS = "folders, separated by colons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. It is the default of the flag that sets the same."""

    #: Key in fleetrun.toml; with dashes for underscores the flag's name.
    name: str
    #: The command line's parameter.
    param: str
    kind: Kind
    #: Variables of the environment, the first that is set counts.
    variables: tuple[str, ...]
    #: "section.key" of ansible.cfg, or "".
    ansible: str
    doc: str


def _rows(text: str) -> tuple[Setting, ...]:
    settings = []
    for row in text.strip().splitlines():
        name, param, kind, variables, ansible, doc = (cell.strip() for cell in row.split("|"))
        settings.append(Setting(
            name=name, param=param or name, kind=Kind[kind.upper()],
            variables=(f"FLEETRUN_{name.upper()}", *variables.split()), ansible=ansible, doc=doc,
        ))
    return tuple(settings)


SETTINGS: Final = _rows("""
inventory | inventories | paths | ANSIBLE_INVENTORY | defaults.inventory | Inventories to use without -i.
limit | | text | ANSIBLE_SUBSET | | Only these of the selected devices.
forks | | number | ANSIBLE_FORKS | defaults.forks | Most devices at the same time.
remote_user | | text | ANSIBLE_REMOTE_USER | defaults.remote_user | Log in as this user.
private_key_file | private_keys | paths | ANSIBLE_PRIVATE_KEY_FILE | defaults.private_key_file | Key to log in with.
connection | | text | ANSIBLE_TRANSPORT | defaults.transport | How to reach devices: ssh or local.
timeout | | number | ANSIBLE_TIMEOUT | defaults.timeout | Seconds to wait for a connection.
remote_port | | number | ANSIBLE_REMOTE_PORT | defaults.remote_port | The SSH port where no variable says one.
ssh_args | | text | ANSIBLE_SSH_ARGS | ssh_connection.ssh_args | OpenSSH arguments: jump hosts and keepalive are read.
ssh_common_args | | text | ANSIBLE_SSH_COMMON_ARGS | ssh_connection.ssh_common_args | As ssh_args.
ssh_extra_args | | text | ANSIBLE_SSH_EXTRA_ARGS | ssh_connection.ssh_extra_args | As ssh_args.
become | | flag | ANSIBLE_BECOME | privilege_escalation.become | Run tasks as another user.
become_user | | text | ANSIBLE_BECOME_USER | privilege_escalation.become_user | That user.
become_method | | text | ANSIBLE_BECOME_METHOD | privilege_escalation.become_method | sudo, su or doas.
become_ask_pass | ask_become_pass | flag | ANSIBLE_BECOME_ASK_PASS | privilege_escalation.become_ask_pass | Ask for the become password.
become_password_file | | path | ANSIBLE_BECOME_PASSWORD_FILE | defaults.become_password_file | File with the become password.
ask_pass | | flag | ANSIBLE_ASK_PASS | defaults.ask_pass | Ask for the login password.
connection_password_file | | path | ANSIBLE_CONNECTION_PASSWORD_FILE | defaults.connection_password_file | File with the login password.
vault_password_file | vault_password_files | paths | | defaults.vault_password_file | File or program with the vault password (ANSIBLE_VAULT_PASSWORD_FILE beats it).
vault_identity_list | vault_ids | words | | defaults.vault_identity_list | Vault passwords by label (ANSIBLE_VAULT_IDENTITY_LIST beats it).
ask_vault_pass | | flag | ANSIBLE_ASK_VAULT_PASS | defaults.ask_vault_pass | Ask for the vault password.
roles_path | | folders | ANSIBLE_ROLES_PATH | defaults.roles_path | Folders of roles.
library | module_path | folders | ANSIBLE_LIBRARY | defaults.library | Folders of modules of your own.
gathering | | text | ANSIBLE_GATHERING | defaults.gathering | implicit; explicit collects facts only where a play says so, smart once for a device.
any_errors_fatal | | flag | ANSIBLE_ANY_ERRORS_FATAL | defaults.any_errors_fatal | Halt a play when one device fails.
force_handlers | | flag | ANSIBLE_FORCE_HANDLERS | defaults.force_handlers | Run handlers even if a task fails.
diff | | flag | ANSIBLE_DIFF_ALWAYS | diff.always | Show what changes in files.
tags | | words | ANSIBLE_RUN_TAGS | tags.run | Only tasks with these tags.
skip_tags | | words | ANSIBLE_SKIP_TAGS | tags.skip | Not tasks with these tags.
verbosity | | number | ANSIBLE_VERBOSITY | defaults.verbosity | How much to say, 0 to 6.
output | | text | | | text, json or ansible.
ansible_exit_codes | | flag | | | Exit with Ansible's codes.
use_ssh_config | | flag | | | Honour ~/.ssh/config.
""")  # noqa: E501  # a table has one row per line

#: Callbacks of Ansible's -> the output that is nearest.
CALLBACKS: Final[Mapping[str, str]] = {
    "default": "ansible", "yaml": "ansible", "debug": "ansible", "unixy": "ansible",
    "dense": "ansible", "minimal": "minimal", "oneline": "oneline", "json": "json",
    "jsonl": "json",
}

#: "section.key" of ansible.cfg that is known and has no effect here, and why.
WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "defaults.interpreter_python": "", "defaults.python_interpreter": "", "defaults.nocows": "",
    "defaults.cowsay_enabled": "", "defaults.cow_selection": "", "defaults.cowpath": "",
    "defaults.deprecation_warnings": "", "defaults.system_warnings": "",
    "defaults.command_warnings": "", "defaults.localhost_warning": "", "defaults.nocolor": "",
    "defaults.force_color": "", "defaults.internal_poll_interval": "", "defaults.poll_interval": "",
    "defaults.local_tmp": "", "defaults.remote_tmp": "", "defaults.fact_caching": "",
    "defaults.fact_caching_connection": "", "defaults.fact_caching_timeout": "",
    "defaults.fact_caching_prefix": "", "defaults.inject_facts_as_vars": "",
    "defaults.display_args_to_stdout": "", "defaults.ansible_managed": "",
    "defaults.executable": "", "defaults.bin_ansible_callbacks": "", "defaults.home": "",
    "defaults.collections_path": "", "defaults.collections_paths": "", "defaults.strategy": "",
    "defaults.strategy_plugins": "", "defaults.gather_subset": "", "defaults.gather_timeout": "",
    "defaults.error_on_undefined_vars": "", "defaults.retry_files_save_path": "",
    "defaults.retry_files_enabled": "", "defaults.host_key_checking": "",
    "defaults.action_plugins": "plugins of Ansible's are Python for its own interfaces",
    "defaults.callback_plugins": "plugins of Ansible's are Python for its own interfaces",
    "defaults.connection_plugins": "plugins of Ansible's are Python for its own interfaces",
    "defaults.lookup_plugins": "put plugins beside the playbook, in lookup_plugins/",
    "defaults.filter_plugins": "put plugins beside the playbook, in filter_plugins/",
    "defaults.log_path": "the journal keeps every run; see `fleetrun runs list`",
    "ssh_connection.pipelining": "", "ssh_connection.control_path": "",
    "ssh_connection.control_path_dir": "", "ssh_connection.retries": "",
    "ssh_connection.scp_if_ssh": "", "ssh_connection.transfer_method": "",
    "ssh_connection.sftp_batch_mode": "", "ssh_connection.usetty": "",
    "ssh_connection.host_key_checking": "", "ssh_connection.ssh_executable": "",
    "persistent_connection.connect_timeout": "", "persistent_connection.command_timeout": "",
    "persistent_connection.control_path_dir": "", "diff.context": "",
    "privilege_escalation.agnostic_become_prompt": "", "inventory.cache": "",
    "inventory.enable_plugins": "", "inventory.cache_plugin": "", "inventory.cache_timeout": "",
    "inventory.cache_connection": "", "inventory.unparsed_is_failed": "",
    "inventory.any_unparsed_is_failed": "", "inventory.ignore_extensions": "",
    "defaults.display_skipped_hosts": "", "defaults.display_ok_hosts": "",
    "defaults.show_custom_stats": "", "defaults.result_format": "", "defaults.no_log": "",
    "defaults.no_target_syslog": "", "defaults.squash_actions": "", "defaults.module_lang": "",
    "defaults.module_set_locale": "", "defaults.hash_behaviour": "",
    "defaults.stdout_callback": "", "defaults.callbacks_enabled": "",
    "defaults.callback_whitelist": "", "defaults.become_allow_same_user": "",
}
#: Sections whose keys are another program's business.
OTHER_SECTIONS: Final = frozenset({
    "galaxy", "colors", "selinux", "accelerate", "paramiko_connection", "jinja2",
})
