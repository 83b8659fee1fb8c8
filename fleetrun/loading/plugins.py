"""The operator's own filters, tests and lookups: Python files beside the playbook.

They stand in ``filter_plugins/``, ``test_plugins/`` and ``lookup_plugins/`` next to
the playbook or in a role. Two forms are understood: Ansible's classes
(``FilterModule``, ``TestModule``, ``LookupModule``) and plain Python, where every
public function of the file is a filter or test of its name, and ``run`` or the
function named like the file is the lookup. They are the operator's files: they run
on the controller, outside the sandbox.
"""

from __future__ import annotations

import hashlib
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from fleetrun.errors import FleetrunError, Mark, Problem
from fleetrun.loading.ansible_names import ansible_names
from fleetrun.planning.lookup_call import Lookup, LookupCall
from fleetrun.planning.scope import PendingValueError
from fleetrun.planning.templates_values import BudgetError, UndefinedValueError

FOLDERS: Final = ("filter_plugins", "test_plugins", "lookup_plugins")
_Function = Callable[..., Any]


@dataclass(slots=True)
class Plugins:
    """What the operator added to templates, by name."""

    filters: dict[str, _Function] = field(default_factory=dict)
    tests: dict[str, _Function] = field(default_factory=dict)
    lookups: dict[str, Lookup] = field(default_factory=dict)
    #: sha256 of every file that was loaded, by path.
    hashes: dict[str, str] = field(default_factory=dict)


def load_plugins(base: str, problems: list[Problem]) -> Plugins:
    """Returns the plugins in the folders of `base`.

    A file that does not load is noted in `problems`, with its line.
    """
    found = Plugins()
    for folder in FOLDERS:
        for path in sorted((Path(base) / folder).glob("*.py")):
            if not path.name.startswith("_"):
                _load(path, folder, found, problems)
    return found


def _load(path: Path, folder: str, found: Plugins, problems: list[Problem]) -> None:
    try:
        source = path.read_bytes()
        module = _module(path, source)
        _TAKE[folder](module, path, found)
    except Exception as error:  # noqa: BLE001  # whatever a foreign file raises while it loads
        problems.append(Problem(
            kind="input/bad-plugin", mark=Mark(file=str(path), line=_line_of(error, path)),
            message=f"the plugin does not load: {type(error).__name__}: {error}",
            hint="its imports must be installed where fleetrun runs; of Ansible only the names "
            "in docs/howto/plugins.md are there",
        ))
    else:
        found.hashes[str(path)] = hashlib.sha256(source).hexdigest()


def _module(path: Path, source: bytes) -> ModuleType:
    """The module in a file, loaded with Ansible's names to import from."""
    module = ModuleType(f"fleetrun_plugin_{path.stem}")
    module.__file__ = str(path)
    code = compile(source, str(path), "exec")
    with ansible_names():
        exec(code, module.__dict__)  # noqa: S102  # the operator's own program
    return module


def _line_of(error: BaseException, path: Path) -> int:
    """The line of the file that an error comes from; 1 when it is not in it."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return (lines[-1] if lines else None) or 1


def _take_filters(module: ModuleType, path: Path, found: Plugins) -> None:
    found.filters.update(_functions(module, path, "FilterModule", "filters"))


def _take_tests(module: ModuleType, path: Path, found: Plugins) -> None:
    found.tests.update(_functions(module, path, "TestModule", "tests"))


def _functions(
    module: ModuleType, path: Path, name: str, method: str
) -> Mapping[str, _Function]:
    kind = getattr(module, name, None)
    if kind is not None:
        listed = getattr(kind(), method)()
        return {str(key): _with_names(function, path) for key, function in dict(listed).items()}
    public = {
        key: function for key, function in vars(module).items()
        if inspect.isfunction(function) and not key.startswith("_")
        and function.__module__ == module.__name__
    }
    if not public:
        raise ValueError(f"it has neither a class {name} nor a function")
    return {key: _with_names(function, path) for key, function in public.items()}


def _take_lookup(module: ModuleType, path: Path, found: Plugins) -> None:
    kind = getattr(module, "LookupModule", None)
    if kind is not None:
        found.lookups[path.stem] = _of_class(kind, path)
        return
    function = getattr(module, path.stem, None) or getattr(module, "run", None)
    if not callable(function):
        raise TypeError(f"it has neither a class LookupModule nor a function {path.stem}")
    found.lookups[path.stem] = _of_function(_with_names(function, path))


def _of_class(kind: Any, path: Path) -> Lookup:
    def run(call: LookupCall) -> Any:
        plugin = kind(loader=None, templar=None)
        view = call.templater.view(call.scope)
        return plugin.run(list(call.terms), variables=view, **call.options)

    guarded = _with_names(run, path)
    return lambda call: _listed(guarded(call))


def _of_function(function: _Function) -> Lookup:
    return lambda call: _listed(function(*call.terms, **call.options))


def _listed(found: Any) -> Sequence[Any]:
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _with_names(function: _Function, path: Path) -> _Function:
    """`function`, which may import Ansible's names also while it runs.

    What it raises becomes a ValueError with its place: a template's error.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with ansible_names():
            try:
                return function(*args, **kwargs)
            except (PendingValueError, FleetrunError, UndefinedValueError, BudgetError):
                raise
            except Exception as error:  # whatever a foreign function raises
                place = f"{path}:{_line_of(error, path)}"
                raise ValueError(f"{type(error).__name__}: {error} ({place})") from error

    return call


_TAKE: Final[Mapping[str, Callable[[ModuleType, Path, Plugins], None]]] = {
    "filter_plugins": _take_filters, "test_plugins": _take_tests, "lookup_plugins": _take_lookup,
}
