"""The operator's files of one invocation."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast

from fleetrun.actions import templating
from fleetrun.actions.lookups.registry import lookups
from fleetrun.actions.templating import TemplateFiles
from fleetrun.errors import InputError, UsageError
from fleetrun.journal.paths import state_folder
from fleetrun.loading.files import OperatorFiles
from fleetrun.loading.inventory import load_inventory
from fleetrun.loading.modules import ModuleLibrary, load_library
from fleetrun.loading.playbook import PlaybookLoader
from fleetrun.loading.vault import VaultError, current_vault, open_vault, use_vault
from fleetrun.loading.vault.filters import VAULT_FILTERS, vault_lookups
from fleetrun.loading.vault.values import sealed, unsealed
from fleetrun.loading.yamlfile import dump_yaml, load_all_yaml_text, load_yaml_text
from fleetrun.model.inventory import Inventory
from fleetrun.model.playbook import Playbook
from fleetrun.model.run import Invocation, RunRecord
from fleetrun.model.values import Vars
from fleetrun.planning.select import implicit_localhost
from fleetrun.planning.templates import Templater

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The operator's files of one invocation, checked as far as that is possible."""

    invocation: Invocation
    inventory: Inventory
    playbook: Playbook
    library: ModuleLibrary
    loader: PlaybookLoader
    templater: Templater
    #: sha256 by path of everything that was read.
    file_hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept_invocation(self) -> Invocation:
        """The invocation as journal and plan may keep it: secrets in it are encrypted."""
        extra = sealed(self.invocation.extra_vars, current_vault())
        return replace(self.invocation, extra_vars=cast(Vars, extra))


def load(invocation: Invocation, *, command: Sequence[str] = ()) -> Loaded:
    """Loads inventory and playbook; contacts nothing. Raises InputError."""
    invocation = _opened(invocation)
    library = load_library(_module_dirs(invocation))
    playbook_dir = _playbook_dir(invocation)
    templater = make_templater(invocation, playbook_dir)
    loader = PlaybookLoader(
        library, templater=templater, extra_vars=invocation.extra_vars,
        roles_path=invocation.roles_path,
    )
    if invocation.playbook:
        playbook = loader.load(invocation.playbook)
    else:
        playbook = loader.adhoc(
            invocation.pattern, invocation.module or "command",
            "" if command else invocation.module_args, argv=tuple(command),
            keywords=invocation.task_keywords, rollout=_adhoc_rollout(invocation),
        )
    inventory = _inventory(invocation, playbook, playbook_dir)
    return Loaded(
        invocation=invocation, inventory=inventory, playbook=playbook,
        library=library, loader=loader, templater=templater,
        file_hashes=playbook.file_hashes,
    )


def _adhoc_rollout(invocation: Invocation) -> dict[str, object]:
    """What --canary, --then and --soak say, as a play's ``rollout``; {} for all at once."""
    if not invocation.stages:
        return {}
    rows = [{"name": size, "pick": size} for size in invocation.stages]
    if invocation.soak:
        # The last one is followed by nothing.
        rows[:-1] = [{**row, "soak": invocation.soak} for row in rows[:-1]]
    return {"order": "stable", "stages": rows}


def read_inventory(loaded: Loaded) -> Inventory:
    """Returns the inventory as its sources say it now. Raises InputError."""
    path = loaded.invocation.playbook
    folder = str(Path(path).resolve().parent) if path else str(Path.cwd())
    return _inventory(loaded.invocation, loaded.playbook, folder)


def _inventory(invocation: Invocation, playbook: Playbook, folder: str) -> Inventory:
    found = load_inventory(
        invocation.inventories, playbook_dir=folder, extra_vars=invocation.extra_vars
    )
    # `inventory_dir` is used by tasks, whatever folder they search in.
    sources = tuple(
        str(Path(source).resolve()) if Path(source).exists() else source for source in found.sources
    )
    return _with_localhost(replace(found, sources=sources), playbook)


def _opened(invocation: Invocation) -> Invocation:
    """Takes the vault passwords that the invocation names, and opens its own secrets."""
    if current_vault().sources != invocation.vault_ids:
        use_vault(open_vault(invocation.vault_ids))
    try:
        extra = unsealed(invocation.extra_vars)
    except VaultError as error:
        raise InputError([error.problem("a variable of --extra-vars", None)]) from error
    return replace(invocation, extra_vars=cast(Vars, extra))


def make_templater(invocation: Invocation, playbook_dir: str) -> Templater:
    """Returns the templater with what needs the outside world handed in."""
    files = OperatorFiles((playbook_dir,))
    return Templater(
        environment=os.environ, yaml_dump=dump_yaml, yaml_load=load_yaml_text,
        yaml_load_all=load_all_yaml_text,
        extra_filters={**templating.FILTERS, **VAULT_FILTERS}, extra_tests=templating.TESTS,
        extra_functions=templating.FUNCTIONS,
        extra_lookups={
            **lookups(files, playbook_dir, invocation), **vault_lookups(files, playbook_dir),
        },
        template_file=TemplateFiles(files, playbook_dir), is_strict=invocation.strict,
    )


def _playbook_dir(invocation: Invocation) -> str:
    if invocation.playbook:
        return str(Path(invocation.playbook).resolve().parent)
    return str(Path.cwd())


def _module_dirs(invocation: Invocation) -> tuple[Path, ...]:
    folders = [Path(folder) for folder in invocation.module_path]
    if invocation.playbook:
        folders.insert(0, Path(invocation.playbook).resolve().parent / "library")
    return tuple(folder for folder in folders if folder.is_dir())


def _with_localhost(inventory: Inventory, playbook: Playbook) -> Inventory:
    """Adds the implicit localhost when a play names it and the inventory does not."""
    named = {play.hosts for play in playbook.plays if isinstance(play.hosts, str)}
    missing = (named & LOCAL_NAMES) - inventory.devices.keys()
    if not missing:
        return inventory
    extra = {name: replace(implicit_localhost(), name=name) for name in sorted(missing)}
    return replace(inventory, devices={**inventory.devices, **extra})


def load_again(record: RunRecord) -> Loaded:
    """Loads the files of a former run, from the folder it was started in."""
    enter(record.cwd)
    argv = shlex.split(record.invocation.module_args) if not record.invocation.module else ()
    return load(record.invocation, command=tuple(argv))


def enter(folder: str) -> None:
    """Goes to the folder that a run or a plan began in; raises UsageError."""
    # A relative FLEETRUN_STATE must go on to mean the same folder.
    os.environ["FLEETRUN_STATE"] = str(state_folder())
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(
            f"cannot go to {folder}, where this began: {error.strerror}",
            kind="usage/no-folder", hint="put the folder back with its files, or start a new run",
        ) from error
