"""file, fileglob, first_found and template: the operator's files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleetrun.actions.contents import Contents
from fleetrun.actions.lookups.places import Places, as_bool
from fleetrun.planning.lookup_call import LookupCall

#: Options of jinja2 that the lookup `template` takes.
_JINJA_OPTIONS = (
    "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string", "block_start_string", "block_end_string", "trim_blocks",
    "lstrip_blocks",
)


class FileLookups:
    """The lookups that give files, or their names."""

    def __init__(self, places: Places, contents: Contents) -> None:
        self._places = places
        self._contents = contents

    def file(self, call: LookupCall) -> list[str]:
        """Returns the files' contents, without the white space at their ends."""
        texts = [self._places.text(self._places.find(call, term)) for term in call.terms]
        if as_bool(call.option("lstrip", False)):
            texts = [text.lstrip() for text in texts]
        return [text.rstrip() if as_bool(call.option("rstrip", True)) else text for text in texts]

    def fileglob(self, call: LookupCall) -> list[str]:
        """Returns the paths of files that match, folder by folder, sorted."""
        return [path for term in call.terms for path in self._places.names(call, str(term))]

    def template(self, call: LookupCall) -> list[str]:
        """Returns the texts that template files give."""
        scope = call.scope
        extra = call.option("template_vars", {})
        if not isinstance(extra, Mapping):
            raise TypeError("template_vars is a mapping")
        if extra:
            scope = scope.push(extra)
        options = {name: call.options[name] for name in _JINJA_OPTIONS if name in call.options}
        return [
            call.templater.render_text(
                self._contents.template(self._places.find(call, term, "templates")), scope,
                **options,
            )
            for term in call.terms
        ]

    def first_found(self, call: LookupCall) -> list[str]:
        """Returns the path of the first file that there is.

        Raises ValueError when there is none, unless `skip` is set.
        """
        folder = _folder_of(call)
        is_skipping = as_bool(call.option("skip", False))
        for term in call.terms or ({},):
            wanted = {**call.options, **term} if isinstance(term, Mapping) else {
                **call.options, "files": [term, *_texts(call.options.get("files"), ",;")],
            }
            is_skipping = is_skipping or as_bool(wanted.get("skip", False))
            for name in _candidates(wanted):
                path = self._places.find_or_none(call, name, folder)
                if path is not None and Path(path).is_file():
                    return [path]
        if is_skipping:
            return []
        raise ValueError("none of the files is there (set skip: true where that is no mistake)")


def _folder_of(call: LookupCall) -> str:
    module = call.scope.task.module if call.scope.task else ""
    kinds = {"template": "templates", "var": "vars"}
    return next((folder for part, folder in kinds.items() if part in module), "files")


def _candidates(wanted: Mapping[str, Any]) -> list[str]:
    """Every file in every folder; a folder by itself when no file is named."""
    files = _texts(wanted.get("files"), ",;")
    paths = _texts(wanted.get("paths"), ",:;")
    if not paths:
        return files
    if not files:
        return paths
    return [str(Path(path) / name) for path in paths for name in files]


def _texts(value: Any, separators: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [part for part in re.split(f"[{separators}]", value) if part]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _texts(item, separators)]
    return []
