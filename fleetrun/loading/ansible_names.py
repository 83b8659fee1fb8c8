"""The few names that plugins import from Ansible, while they load and run.

Nothing of Ansible is needed on the controller, and nothing of it is used when it is
there: a plugin sees these small stand-ins, written for this purpose.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, Final

_TOP: Final = "ansible"


class AnsibleError(Exception):
    """A plugin says that it cannot go on."""

    def __init__(
        self, message: str = "", obj: Any = None, show_content: bool = True,
        suppress_extended_error: bool = False, orig_exc: BaseException | None = None,
    ) -> None:
        super().__init__(message)
        del obj, show_content, suppress_extended_error
        self.message = message
        self.orig_exc = orig_exc


class AnsibleFilterError(AnsibleError):
    """Of a filter."""


class AnsibleLookupError(AnsibleError):
    """Of a lookup."""


class AnsibleOptionsError(AnsibleError):
    """Of an option."""


class AnsibleParserError(AnsibleError):
    """Of a file."""


class AnsibleUndefinedVariable(AnsibleError):  # noqa: N818  # Ansible's name
    """Of a variable."""


class AnsibleFileNotFound(AnsibleError):  # noqa: N818  # Ansible's name
    """Of a file that is not there."""


class Display:
    """Takes what plugins print; a lookup's output has no place in a run's."""

    verbosity = 0

    def _say_nothing(self, *_args: Any, **_kwargs: Any) -> None:
        return None

    display = debug = verbose = v = vv = vvv = vvvv = warning = deprecated = error = _say_nothing


class LookupBase:
    """What a ``LookupModule`` is made of: it defines ``run(terms, variables, **kwargs)``."""

    _display = Display()

    def __init__(self, loader: Any = None, templar: Any = None, **_kwargs: Any) -> None:
        self._loader = loader
        self._templar = templar
        self._options: dict[str, Any] = {}

    def set_options(
        self, task_keys: Any = None, var_options: Mapping[str, Any] | None = None,
        direct: Mapping[str, Any] | None = None,
    ) -> None:
        """Takes the call's options; defaults are the plugin's own."""
        del task_keys, var_options
        self._options = dict(direct or {})

    def get_option(self, option: str, hostvars: Any = None) -> Any:
        """Returns an option of the call, None when it is not given."""
        del hostvars
        return self._options.get(option)

    def has_option(self, option: str) -> bool:
        """True when the call gives an option."""
        return option in self._options

    def get_options(self, hostvars: Any = None) -> dict[str, Any]:
        """Returns the options of the call."""
        del hostvars
        return dict(self._options)

    @staticmethod
    def _flatten(terms: Sequence[Any]) -> list[Any]:
        flat: list[Any] = []
        for term in terms:
            flat.extend(term) if isinstance(term, (list, tuple)) else flat.append(term)
        return flat

    @staticmethod
    def _combine(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        return [LookupBase._flatten([x, y]) for x in a for y in b]


def to_text(obj: Any, encoding: str = "utf-8", errors: str | None = None,
            nonstring: str = "simplerepr") -> Any:
    """Returns bytes as text, other things as `nonstring` says."""
    if isinstance(obj, bytes):
        return obj.decode(encoding, _handler(errors))
    if isinstance(obj, str) or nonstring == "passthru":
        return obj
    return "" if nonstring == "empty" else str(obj)


def to_bytes(obj: Any, encoding: str = "utf-8", errors: str | None = None,
             nonstring: str = "simplerepr") -> Any:
    """Returns text as bytes, other things as `nonstring` says."""
    if isinstance(obj, bytes) or (nonstring == "passthru" and not isinstance(obj, str)):
        return obj
    return str(obj).encode(encoding, _handler(errors))


def _handler(errors: str | None) -> str:
    known = {None: "surrogateescape", "surrogate_or_strict": "surrogateescape",
             "surrogate_or_replace": "surrogateescape", "surrogate_then_replace": "replace"}
    return known.get(errors) or str(errors)


def _is_string(value: Any) -> bool:
    return isinstance(value, (str, bytes))


def _is_sequence(value: Any, include_strings: bool = False) -> bool:
    return isinstance(value, Sequence) and (include_strings or not _is_string(value))


_ERRORS: Final = {
    kind.__name__: kind for kind in (
        AnsibleError, AnsibleFilterError, AnsibleLookupError, AnsibleOptionsError,
        AnsibleParserError, AnsibleUndefinedVariable, AnsibleFileNotFound,
    )
}
_TEXTS: Final = {"to_text": to_text, "to_native": to_text, "to_bytes": to_bytes}
_SIX: Final = {
    "string_types": (str,), "text_type": str, "binary_type": bytes, "integer_types": (int,),
    "PY2": False, "PY3": True, "iteritems": lambda mapping: iter(mapping.items()),
}
#: What there is to import, by module.
_NAMES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ansible": {"__version__": "2.19.0"},
    "ansible.errors": {
        **_ERRORS, "AnsibleFilterTypeError": AnsibleFilterError,
        "AnsibleTemplateError": AnsibleError, "AnsibleRuntimeError": AnsibleError,
    },
    "ansible.plugins": {},
    "ansible.plugins.lookup": {"LookupBase": LookupBase},
    "ansible.module_utils": {},
    "ansible.module_utils._text": _TEXTS,
    "ansible.module_utils.six": _SIX,
    "ansible.module_utils.common": {},
    "ansible.module_utils.common.text": {},
    "ansible.module_utils.common.text.converters": _TEXTS,
    "ansible.module_utils.common.collections": {
        "is_string": _is_string, "is_sequence": _is_sequence, "Mapping": Mapping,
        "is_iterable": lambda value: hasattr(value, "__iter__") and not _is_string(value),
    },
    "ansible.utils": {},
    "ansible.utils.display": {"Display": Display},
}


@cache
def _modules() -> Mapping[str, ModuleType]:
    made: dict[str, ModuleType] = {}
    for name, names in _NAMES.items():
        module = ModuleType(name)
        module.__path__ = []
        vars(module).update(names)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(made[parent], last, module)
        made[name] = module
    return made


@contextmanager
def ansible_names() -> Iterator[None]:
    """While it is open, ``import ansible...`` finds the names above, and no others."""
    if sys.modules.get(_TOP) is _modules()[_TOP]:
        yield  # one plugin calls another
        return
    before = {} if _TOP not in sys.modules else {
        name: module for name, module in sys.modules.items()
        if name == _TOP or name.startswith(f"{_TOP}.")
    }
    for name in before:
        del sys.modules[name]
    sys.modules.update(_modules())
    try:
        yield
    finally:
        for name in _NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(before)
