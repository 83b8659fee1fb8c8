"""All controller-side actions by module name."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.actions.assemble import AssemblePreparer
from fleetrun.actions.assertion import assert_that, fail
from fleetrun.actions.connection import reboot, wait_for_connection
from fleetrun.actions.contents import Contents
from fleetrun.actions.debug import debug
from fleetrun.actions.fetch import Fetch
from fleetrun.actions.files import CopyPreparer, ScriptPreparer, TemplatePreparer, UnarchivePreparer
from fleetrun.actions.ini import prepare_ini_file
from fleetrun.actions.inventory import add_host, group_by, set_stats
from fleetrun.actions.pause import pause
from fleetrun.actions.set_fact import set_fact
from fleetrun.actions.times import prepare_file
from fleetrun.actions.uri import UriPreparer
from fleetrun.actions.validate_argument_spec import validate_argument_spec
from fleetrun.contracts import Dialogue, FileReader
from fleetrun.planning.toolbox import ControllerAction, Preparer

CONTROLLER_ACTIONS: Mapping[str, ControllerAction] = {
    "debug": debug, "assert": assert_that, "fail": fail, "set_fact": set_fact,
    "add_host": add_host, "group_by": group_by, "set_stats": set_stats,
    "validate_argument_spec": validate_argument_spec,
}


def preparers(files: FileReader) -> Mapping[str, Preparer]:
    """Returns what completes the arguments of PREPARED modules."""
    contents = Contents(files)
    return {
        "copy": CopyPreparer(contents),
        "template": TemplatePreparer(contents),
        "script": ScriptPreparer(contents),
        "assemble": AssemblePreparer(contents),
        "unarchive": UnarchivePreparer(contents),
        "uri": UriPreparer(contents),
        "file": prepare_file,
        "ini_file": prepare_ini_file,
    }


def dialogues(base_dir: str) -> Mapping[str, Dialogue]:
    """Returns the DIALOGUE modules; `base_dir` is where fetched files go."""
    return {
        "reboot": reboot,
        "wait_for_connection": wait_for_connection,
        "pause": pause,
        "fetch": Fetch(base_dir),
    }
