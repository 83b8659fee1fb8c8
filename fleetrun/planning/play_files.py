"""``vars_files`` whose names hold templates: found anew for each device (rule 34)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from typing_extensions import override

from fleetrun.errors import TemplateError
from fleetrun.model.playbook import Play
from fleetrun.model.values import NO_VARS, Value, Vars
from fleetrun.planning.scope import Scope
from fleetrun.planning.toolbox import Toolbox

Layers = Sequence[Vars]


class LazyVars(Mapping[str, Value]):
    """Variables that are found out when the first of them is looked up."""

    __slots__ = ("_found", "_resolve")

    def __init__(self, resolve: Callable[[], Vars]) -> None:
        self._resolve = resolve
        self._found: Vars | None = None

    def _vars(self) -> Vars:
        if self._found is None:
            # The names of the files may use variables; those of these files are not among them.
            self._found = NO_VARS
            try:
                self._found = self._resolve()
            except BaseException:
                self._found = None
                raise
        return self._found

    @override
    def __getitem__(self, name: str) -> Value:
        return self._vars()[name]

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._vars()

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._vars())

    @override
    def __len__(self) -> int:
        return len(self._vars())


class PlayFiles:
    """The files of variables of one play; shared by its devices, or made for each."""

    def __init__(self, play: Play, toolbox: Toolbox) -> None:
        self._entries = play.vars_files
        self._bases = (play.base_dir or ".",)
        self._tools = toolbox

    @property
    def are_known(self) -> bool:
        """True when the loader has read them all."""
        return not self._entries

    def variables(
        self, layers: Layers, *, has_facts: bool, scope: Callable[[list[Vars]], Scope] = Scope
    ) -> Vars:
        """What the files say to a device that sees `layers`, highest first; later files win.

        A name that cannot be rendered is passed over until the device's facts
        are there. Raises TemplateError, and InputError for a wrong file.
        """
        merged: dict[str, Value] = {}
        for entry in self._entries:
            try:
                merged.update(self._first(entry, scope([*layers[:2], merged, *layers[2:]])))
            except TemplateError as error:
                if has_facts:
                    raise TemplateError(
                        f"`vars_files` {entry[0]!s}: {error.message}", kind=error.kind,
                        hint=error.hint, mark=error.mark,
                    ) from error
        return merged

    def _first(self, entry: tuple[Value, ...], scope: Scope) -> Vars:
        tools = self._tools
        if tools.find_vars is None or tools.read_vars is None:
            raise TemplateError("`vars_files` cannot be read here", kind="template/value")
        names = [str(tools.templater.render(name, scope)) for name in entry]
        for name in names:
            path = tools.find_vars(name, self._bases)
            if path is not None:
                return tools.read_vars(path)
        raise TemplateError(
            f"vars file {' or '.join(names)} was not found", kind="template/value",
            hint=f"looked in vars/ of {self._bases[0]}, and in it",
        )
