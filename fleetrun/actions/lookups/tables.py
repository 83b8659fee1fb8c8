"""csvfile and ini: one value out of a file of the operator."""

from __future__ import annotations

import configparser
import csv
import re
from typing import Any

from fleetrun.actions.lookups.places import Places, as_bool, options_in
from fleetrun.planning.lookup_call import LookupCall

_CSV_OPTIONS = {
    "file": "ansible.csv", "delimiter": "TAB", "default": None, "col": "1", "keycol": "0",
    "encoding": "utf-8",
}
_INI_OPTIONS = {
    "file": "ansible.ini", "section": "global", "default": "", "type": "ini", "re": False,
    "encoding": "utf-8", "case_sensitive": False, "allow_no_value": False,
    "interpolation": True,
}


class TableLookups:
    """The lookups that search in files."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def csvfile(self, call: LookupCall) -> list[Any]:
        """Returns the value beside each key; keys that are not there give `default` or []."""
        found: list[Any] = []
        for term in call.terms:
            key, said = options_in(str(term), _CSV_OPTIONS)
            if not key:
                raise ValueError("it needs the key to look for")
            wanted = {**_CSV_OPTIONS, **call.options, **said}
            value = self._cell(call, key, wanted)
            if value is not None:
                found.append(value)
        return found

    def _cell(self, call: LookupCall, key: str, wanted: dict[str, Any]) -> Any:
        delimiter = "\t" if wanted["delimiter"] == "TAB" else str(wanted["delimiter"])
        text = self._places.text(self._places.find(call, wanted["file"]))
        column, key_column = int(wanted["col"]), int(wanted["keycol"])
        for row in csv.reader(text.splitlines(), delimiter=delimiter):
            if len(row) > max(column, key_column) and row[key_column] == key:
                return row[column]
        return wanted["default"]

    def ini(self, call: LookupCall) -> list[Any]:
        """Returns the values of keys in a section."""
        found: list[Any] = []
        for term in call.terms:
            key, said = options_in(str(term), _INI_OPTIONS)
            wanted = {**_INI_OPTIONS, **call.options, **said}
            parser = self._parsed(call, wanted)
            section = "java_properties" if wanted["type"] == "properties" else wanted["section"]
            found += _values(parser, str(section), key, wanted)
        return found

    def _parsed(self, call: LookupCall, wanted: dict[str, Any]) -> configparser.RawConfigParser:
        text = self._places.text(self._places.find(call, wanted["file"]))
        kind = (
            configparser.ConfigParser if as_bool(wanted["interpolation"])
            else configparser.RawConfigParser
        )
        parser = kind(allow_no_value=as_bool(wanted["allow_no_value"]))
        if as_bool(wanted["case_sensitive"]):
            parser.optionxform = str  # type: ignore[assignment,method-assign]  # configparser's way
        if wanted["type"] == "properties":
            text = f"[java_properties]\n{text}"
        try:
            parser.read_string(text)
        except configparser.Error as error:
            raise ValueError(f"{wanted['file']}: {error}") from error
        return parser


def _values(
    parser: configparser.RawConfigParser, section: str, key: str, wanted: dict[str, Any]
) -> list[Any]:
    if not parser.has_section(section):
        raise ValueError(f"there is no section [{section}] in {wanted['file']}")
    if as_bool(wanted["re"]):
        return [value for name, value in parser.items(section) if re.match(key, name)]
    try:
        return [parser.get(section, key)]
    except configparser.NoOptionError:
        return [wanted["default"]]
    except configparser.Error as error:
        raise ValueError(f"{wanted['file']}: {error}") from error
