"""Every keyword of a playbook, level by level: the language's one table.

The loader, its "did you mean", and the reference page are all made of it. A
keyword with `instead` is Ansible's or a planned one that fleetrun does not
carry out yet: it is an error that says what to do, never silently ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from fleetrun.loading import schema_rollout as rollout
from fleetrun.loading.keyword import Keyword, Table, later, now

__all__ = ["KEYWORDS", "META_ACTIONS", "MODULE_SUBSTITUTES", "Keyword", "Level", "supported_names"]


class Level(StrEnum):
    """Places in a playbook where keywords may stand."""

    PLAY = "play"
    BLOCK = "block"
    TASK = "task"
    HANDLER = "handler"
    INCLUDE_TASKS = "include_tasks"
    IMPORT_TASKS = "import_tasks"
    IMPORT_PLAYBOOK = "import_playbook"
    INCLUDE_ROLE = "include_role"
    IMPORT_ROLE = "import_role"
    ROLE = "role"
    ROLE_META = "meta of a role"
    VARS_PROMPT = "vars_prompt"
    LOOP_CONTROL = "loop_control"
    ROLLOUT = "rollout"
    STAGE = "stage"
    GATE = "gate"
    ABORT_RULE = "abort_on rule"
    GRAPH_GROUP = "group in graph"
    LIMIT = "limit"
    RATE = "rate"
    APPROVAL = "pause of a stage"
    EXTERNAL = "external check"
    SAMPLE = "pick of a stage"



#: Understood on plays, blocks and tasks alike, and inherited from the outer ones.
_INHERITED = now("""
    vars | mapping | Variables, seen by everything inside.
    tags | list of text | Names for --tags and --skip-tags.
    become | yes/no | Run as another user (root, unless become_user says otherwise).
    become_user | text | The user to become.
    become_method | text | How: sudo, su or doas.
    become_exe | text | The program to use, where it is not found by the method's name.
    become_flags | text | More words for that program.
    module_defaults | mapping | Arguments of modules, by module, where a task does not say them; an inner mapping replaces that of a module.
    collections | list of text | Accepted: modules are found by their own name.
    environment | mapping or list of mappings | Environment variables for modules; inner ones win.
    ignore_errors | yes/no | Go on after a failure.
    ignore_unreachable | yes/no | Go on when the device does not answer; the next task connects again.
    any_errors_fatal | yes/no | Finish the task on all devices of the batch, then fail them all.
    run_once | yes/no | Run on the first device of the batch; all of it get the result.
    throttle | number | Most devices that run a task at once.
    connection | word | How to connect: ssh or local.
    no_log | yes/no | Keep arguments and results out of every output.
    check_mode | yes/no | Run in check mode, or for real, whatever --check says.
    diff | yes/no | Show differences, or do not, whatever --diff says.
    timeout | number of seconds | Time that one task may take on a device.
""")  # noqa: E501  # tables have one row per line
_INHERITED_LATER = later("""
    port | number | The SSH port. | set it on the play, or `ansible_port` in the inventory
    debugger | text | When to start the debugger. | remove it: devices run tasks in batches, where nothing can stop in between; run with -vvv, or --check --diff
""")  # noqa: E501  # tables have one row per line
_WHEN = now("when | condition or list of conditions | Run only if all of them hold.")
_DELEGATION = now("""
    remote_user | text | The user to log in as.
    delegate_to | text | Run on another device in place of this one.
    delegate_facts | yes/no | Give the facts to the device delegated to.
""")

_PLAY = {
    **rollout.NAME,
    **now("""
    hosts | pattern or list of patterns | The devices: groups, names, globs, `:&` and `:!`.
    remote_user | text | The user to log in as.
    gather_facts | yes/no | Collect facts first (default: yes).
    gather_subset | list of text | Which facts to collect; `!` in front leaves some out.
    gather_timeout | number | Seconds for facts that a dead mount may hold up.
    fact_path | text | Folder of local facts (default: /etc/ansible/facts.d).
    vars_files | list of file names | Files with variables, later ones win; a list in the list takes the first that exists.
    pre_tasks | list of tasks | Run before `tasks`, with their own handler flush.
    roles | list of roles | Roles whose tasks run before `tasks`.
    tasks | list of tasks | What to do.
    post_tasks | list of tasks | Run after `tasks`, with their own handler flush.
    handlers | list of handlers | Tasks that run when notified, once, at the end of a section.
    """),  # noqa: E501
    **_INHERITED,
    **now("""
    max_fail_percentage | number or N% | Halt when more than this share of a batch failed.
    serial | number, N% or list of them | Sizes of the batches; the last one repeats.
    order | word | Order of devices: inventory, reverse_inventory, sorted, reverse_sorted, shuffle, stable.
    force_handlers | yes/no | Run notified handlers on failed devices, too.
    strategy | word | linear (devices wait where a play can observe their order), free or host_pinned (never).
    graph | mapping of groups | Which groups wait for which.
    rollout | mapping | Stages, concurrency and gates.
    """),  # noqa: E501
    **_INHERITED_LATER,
    **now("""
    port | number | The SSH port, where no variable says it.
    vars_prompt | list of questions | Variables asked for before anything is contacted, unless -e gives them.
    """),  # noqa: E501
}
_BLOCK = {
    **rollout.NAME,
    **now("""
    block | list of tasks | The tasks of the block.
    rescue | list of tasks | Run when a task of the block failed.
    always | list of tasks | Run in any case, last.
    """),
    **_WHEN,
    **_INHERITED,
    **now("notify | text or list of text | Handlers to run when a task changed something."),
    **_INHERITED_LATER,
    **_DELEGATION,
}
_ACTION = now("""
    action | module and arguments | The module in Ansible's older notation.
    local_action | module and arguments | As `action` with `delegate_to: localhost`.
    args | mapping | More arguments for the module.
""")
_LOOPS = now("""
    loop | list | Run once for each item.
    loop_control | mapping | Names and pauses of the loop.
    with_items | list | As `loop`, with lists inside flattened one level.
    with_list | list | As `loop`.
    with_dict | mapping | Loop over a mapping: item.key and item.value.
    with_nested | list of lists | Loop over all combinations.
    with_cartesian | list of lists | The same.
    with_together | list of lists | Loop over lists side by side.
    with_flattened | list | Loop over a list with all lists in it flattened.
    with_indexed_items | list | Loop with a counter: item.0 is the number, item.1 the item.
    with_sequence | text | Loop over numbers: `start=1 end=9 stride=2 format=web%02d`.
    with_subelements | list | Loop over the lists inside of mappings: item.0 and item.1.
    with_random_choice | list | One item by chance.
    with_lines | list of commands | Loop over the lines that commands on the controller print.
    with_pipe | list of commands | Loop over the outputs of commands on the controller.
    with_fileglob | list of globs | Loop over files of the controller.
    with_first_found | list of file names | The first of the files that there is.
    with_inventory_hostnames | pattern | Loop over the names of devices.
    with_file | list of file names | Loop over the contents of files.
    with_template | list of file names | Loop over rendered templates.
    with_url | list of addresses | Loop over the lines of web pages.
    with_env | list of text | Loop over environment variables of the controller.
    with_vars | list of text | Loop over variables by name.
    with_varnames | list of text | Loop over the names of variables that match.
    with_csvfile | list of text | Loop over values of a CSV file.
    with_ini | list of text | Loop over values of an INI file.
    with_password | list of file names | Loop over passwords that are made once.
    with_config | list of text | Loop over settings.
    with_unvault | list of file names | Loop over contents of encrypted files.
    with_dig | list of text | Loop over what name servers say.
""")
_TASK = {
    **rollout.NAME,
    **_ACTION,
    **_WHEN,
    **_LOOPS,
    **now("""
    register | variable name | Keep the result under this name.
    changed_when | condition or list of conditions | What counts as a change.
    failed_when | condition or list of conditions | What counts as a failure.
    until | condition or list of conditions | Try again until all of them hold.
    retries | number | How often to try again (default with `until`: 3).
    delay | number of seconds | Time between attempts (default: 5).
    async | number of seconds | Run as a job that may take so long, then it is killed.
    poll | number of seconds | 0: start the job and go on; `async_status` asks for it later.
    notify | text or list of text | Handlers to run when this task changed something.
    """),
    **_INHERITED,
    **_INHERITED_LATER,
    **_DELEGATION,
}
_HANDLER = {
    **_TASK,
    **now("listen | text or list of text | Topics that notify this handler, beside its name."),
}

_NOT_ON_INCLUDE = "put a block with it around the tasks of the included file"
_NOT_ON_IMPORT = "put it on the tasks of the imported file"


def _include_tasks() -> Table:
    """What Ansible takes on include_tasks; the rest has no effect there."""
    fits = {
        "name", "action", "args", "when", "vars", "tags", *_LOOPS,
        "register", "ignore_errors", "no_log", "timeout", "listen", "run_once",
    }
    return {
        name: keyword if name in fits or not keyword.is_supported else Keyword(
            name=name, type=keyword.type, doc="Has no effect on include_tasks.",
            instead=_NOT_ON_INCLUDE,
        )
        for name, keyword in _HANDLER.items()
    }


def _import_tasks() -> Table:
    """An import is replaced by the file's tasks, which inherit its keywords."""
    fits = {"name", "action", "args", "when", "notify", *_INHERITED, *_DELEGATION}
    loops = {name for name in _TASK if name.startswith(("loop", "with_"))}
    return {
        name: keyword if name in fits else Keyword(
            name=name, type=keyword.type, doc="Has no effect on import_tasks.",
            instead="use `include_tasks`" if name in loops else keyword.instead or _NOT_ON_IMPORT,
        )
        for name, keyword in _HANDLER.items()
    }


_IMPORT_PLAYBOOK = {
    **rollout.NAME,
    **now("""
    import_playbook | file name | The playbook whose plays come in here.
    ansible.builtin.import_playbook | file name | The same.
    when | condition or list of conditions | Added to every task of its plays.
    vars | mapping | Variables for its plays; these win over the plays' own.
    tags | list of text | Added to every task of its plays.
    """),
}
_ROLE = {
    **now("""
    role | name | The role: a folder below roles/, a path, or the name of a collection's role.
    name | name | The same.
    """),
    **_WHEN,
    **_INHERITED,
    **_INHERITED_LATER,
    **_DELEGATION,
}
_ROLE_META = now("""
    dependencies | list of roles | Roles that run before this one.
    allow_duplicates | yes/no | Run again when a play names it twice.
    argument_specs | mapping | What the role's arguments are; also as a file of its own.
    galaxy_info | mapping | For Galaxy; not looked at.
    collections | list of text | Not looked at: modules are found by their own name.
    standalone | yes/no | Not looked at.
""")
_PROMPT = now("""
    name | variable name | The variable.
    prompt | text | The question (default: the variable's name).
    default | text | The answer when nothing is typed, and where nobody can be asked.
    private | yes/no | Do not show what is typed (default: yes).
    confirm | yes/no | Ask twice.
    encrypt | word | Keep a hash of the answer: sha512_crypt or sha256_crypt.
    salt_size | number | Length of the hash's salt.
    salt | text | The salt itself.
    unsafe | yes/no | Accepted: an answer is never a template.
""")
_LOOP_CONTROL = {
    **now("""
    loop_var | variable name | Name of the item (default: item).
    index_var | variable name | Name of a counter from 0.
    label | text | What is shown of an item in the output.
    pause | number of seconds | Wait between items.
    extended | yes/no | Give `ansible_loop` with first, last, index and more.
    extended_allitems | yes/no | Whether `ansible_loop.allitems` is there (default: yes).
    break_when | condition or list of conditions | Leave the loop after an item for which they hold.
    """),
}
KEYWORDS: Final[Mapping[Level, Table]] = {
    Level.PLAY: _PLAY,
    Level.BLOCK: _BLOCK,
    Level.TASK: _TASK,
    Level.HANDLER: _HANDLER,
    Level.INCLUDE_TASKS: _include_tasks(),
    Level.IMPORT_TASKS: _import_tasks(),
    Level.IMPORT_PLAYBOOK: _IMPORT_PLAYBOOK,
    Level.INCLUDE_ROLE: _include_tasks(),
    Level.IMPORT_ROLE: _import_tasks(),
    Level.ROLE: _ROLE,
    Level.ROLE_META: _ROLE_META,
    Level.VARS_PROMPT: _PROMPT,
    Level.LOOP_CONTROL: _LOOP_CONTROL,
    Level.ROLLOUT: rollout.ROLLOUT,
    Level.STAGE: rollout.STAGE,
    Level.GATE: rollout.GATE,
    Level.ABORT_RULE: rollout.ABORT_RULE,
    Level.GRAPH_GROUP: rollout.GRAPH_GROUP,
    Level.LIMIT: rollout.LIMIT,
    Level.RATE: rollout.RATE,
    Level.APPROVAL: rollout.APPROVAL,
    Level.EXTERNAL: rollout.EXTERNAL,
    Level.SAMPLE: rollout.SAMPLE,
}

#: ``meta:`` actions and whether they are carried out.
META_ACTIONS: Final[Mapping[str, bool]] = {
    "flush_handlers": True, "end_host": True, "end_play": True, "clear_facts": True, "noop": True,
    "end_role": True, "end_batch": True, "clear_host_errors": True,
    "refresh_inventory": True, "reset_connection": True,
}

#: Modules that many playbooks use under a name that fleetrun does not have.
MODULE_SUBSTITUTES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("openrc", "runit"), "service"),
    "include": "include_tasks",
}


def supported_names(level: Level) -> tuple[str, ...]:
    """Keywords of a level that are carried out, in the table's order."""
    return tuple(name for name, keyword in KEYWORDS[level].items() if keyword.is_supported)
