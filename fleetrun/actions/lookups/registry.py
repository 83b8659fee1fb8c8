"""All lookups of the controller by name."""

from __future__ import annotations

from collections.abc import Mapping

from fleetrun.actions.contents import Contents
from fleetrun.actions.lookups.files import FileLookups
from fleetrun.actions.lookups.names import ConfigLookup, dig, inventory_hostnames
from fleetrun.actions.lookups.passwords import PasswordLookup
from fleetrun.actions.lookups.places import Places
from fleetrun.actions.lookups.programs import ProgramLookups
from fleetrun.actions.lookups.tables import TableLookups
from fleetrun.actions.lookups.web import url
from fleetrun.contracts import FileReader
from fleetrun.model.run import Invocation
from fleetrun.planning.lookup_call import Lookup


def lookups(files: FileReader, base_dir: str, invocation: Invocation) -> Mapping[str, Lookup]:
    """Returns the lookups; `base_dir` is the playbook's folder."""
    places = Places(files, base_dir)
    of_files = FileLookups(places, Contents(files))
    tables = TableLookups(places)
    programs = ProgramLookups(base_dir)
    return {
        "config": ConfigLookup(invocation),
        "csvfile": tables.csvfile,
        "dig": dig,
        "file": of_files.file,
        "fileglob": of_files.fileglob,
        "first_found": of_files.first_found,
        "ini": tables.ini,
        "inventory_hostnames": inventory_hostnames,
        "lines": programs.lines,
        "password": PasswordLookup(places).password,
        "pipe": programs.pipe,
        "template": of_files.template,
        "url": url,
    }
