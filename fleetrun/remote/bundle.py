"""The program text that is sent to a device's persistent shell. Pure.

A text never takes effect half: everything that runs stands inside a function
or braces, so what a lost link cuts off does not parse. Every value is quoted,
none is ever evaluated. Control lines, functions and files of the other side
are described in modules/lib/30-session.sh and 40-worker.sh.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from fleetrun.model.module import ArgType, ModuleSpec
from fleetrun.model.steps import LOGIN, Identity, Step
from fleetrun.model.values import Value

__all__ = ["Bundler", "quote", "receipt_name"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:=@%+,-]+\Z")
_UNSAFE_IN_FILES: Final = re.compile(r"[^A-Za-z0-9_.-]")
_DULL_LINE: Final = re.compile(r"(?m)^[ \t]*(?:#.*)?\n|^[ \t]+")
#: Longer names get a hash instead: files end in ".o.len", and 255 is the limit.
_MAX_NAME_LENGTH: Final = 150
_RAW_PARAMS: Final = "_raw_params"
_COMPOUND: Final = frozenset({ArgType.LIST, ArgType.DICT, ArgType.RAW})


def quote(text: str) -> str:
    """Returns `text` as one word of sh; raises ValueError for a NUL character."""
    if "\0" in text:
        raise ValueError("a shell word cannot hold a NUL character")
    if _PLAIN.match(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"


def receipt_name(key: str) -> str:
    """Returns the file name of a step's receipt; different keys never share one."""
    name = _UNSAFE_IN_FILES.sub(lambda match: f"+{ord(match.group()):x}+", key)
    if len(name) > _MAX_NAME_LENGTH:
        return "h-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return "k-" + name


class Bundler:
    """Makes the texts for one shell; remembers which modules it has been sent."""

    def __init__(self, lib: str, nonce: str) -> None:
        self._lib = lib
        self._nonce = nonce
        #: Public name of the shell: in file names, unlike the nonce.
        self.shell_id = hashlib.sha256(nonce.encode()).hexdigest()[:16]
        self._sent: set[str] = set()
        self._defined: set[str] = set()

    def opening(self, run: str, device: str, identity: Identity = LOGIN) -> bytes:
        """Returns the runtime; the shell answers it with a ready frame."""
        folder = f"{receipt_name(run)[2:]}.{hashlib.sha256(device.encode()).hexdigest()[:12]}"
        tag = "login"
        if identity.user:
            user = f"{identity.method} {identity.user}"
            tag = hashlib.sha256(user.encode()).hexdigest()[:12]
        return _encode(
            "exec 2>&1\n"
            # Without a login shell many devices leave the system folders out.
            "case :$PATH: in *:/usr/sbin:*) ;;"
            " *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH ;; esac\n"
            f"fr__nonce={quote(self._nonce)} fr__id={self.shell_id} fr__tag={tag}"
            f" fr__folder={quote(folder)}\n"
            f"fr_lib={_prepared_lib(self._lib)}\n"
            '{ eval "$fr_lib" && fr__open; }\n'
        )

    def batch(self, steps: Sequence[Step]) -> bytes:
        """Returns the definitions that the shell lacks, then the calls."""
        parts = ["fr__halt=\n"]
        for step in steps:
            self._add_module(parts, step)
            parts.append(self._call(step))
        if any(step.is_detached for step in steps):
            parts.append("{ fr__rest; }\n")
        return _encode("".join(parts))

    def settle(self, steps: Sequence[Step]) -> bytes:
        """Returns the questions about detached steps of an earlier shell."""
        return _encode("".join(
            f"{{ fr__settle {step.seq} {receipt_name(step.key)}{' .a' * step.is_launched}; }}\n"
            for step in steps
        ))

    def forget(self, keys: Iterable[str]) -> bytes:
        """Returns the order to remove the receipts of `keys`."""
        return _encode(f"{{ fr__forget {' '.join(map(receipt_name, keys))}; }}\n")

    def closing(self, *, whole_run: bool = False) -> bytes:
        """Returns the order to end; `whole_run` removes all receipts of the run."""
        return f"{{ fr__close {int(whole_run)}; }}\n".encode()

    def _add_module(self, parts: list[str], step: Step) -> None:
        name = _program_name(step.spec)
        if name not in self._sent:
            self._sent.add(name)
            parts.append(f"fr_t_{name}={_quoted_program(step.spec.program)}\n")
        if name not in self._defined and not step.is_detached:
            self._defined.add(name)
            guard = "" if step.spec.family else " 1"
            parts.append(f"{{ fr__define {name}{guard}; }}\n")

    def _call(self, step: Step) -> str:
        try:
            body = _body(step)
        except ValueError as error:
            body = f"fr_fail {quote(str(error))} module/bad-arguments"
        how = f"{step.seq} {step.on_failure.value} g{step.group}"
        if not step.is_detached:
            return (
                f"fr_call() {{\n{body}\n}}\n"
                f"{{ ! fr__go {step.seq} g{step.group} || fr__step {how}; }}\n"
            )
        name = _program_name(step.spec)
        verb = "fr__launch" if step.is_launched else "fr__detach"
        return (
            f"fr_src={quote(body)}\n"
            f"{{ ! fr__go {step.seq} g{step.group} ||"
            f" {verb} {how} {receipt_name(step.key)} {_seconds(step.timeout_s)} {name}; }}\n"
        )


def _seconds(timeout_s: float | None) -> str:
    if timeout_s is None:
        return "0"
    # Not every busybox has a sleep that takes fractions.
    return f"{timeout_s:g}" if timeout_s == int(timeout_s) else f"{timeout_s:.2f}"


def _body(step: Step) -> str:
    """Returns the assignments and the call of a step; raises ValueError."""
    lines = _exports(step.environment)
    given: list[str] = []
    for name in step.spec.args:
        if name != "*":
            _assign(lines, given, name, step.args.get(name), step.spec.args[name].type)
    for name, value in step.args.items():
        if name not in step.spec.args:
            _assign(lines, given, name, value, ArgType.STR)
    switches = f"fr_given=' {' '.join(given)} '"
    if step.check:
        switches += " fr_check=true"
    if step.diff:
        switches += " fr_diffmode=true"
    lines.append(switches)
    words = _words(step)
    if words is not None:
        lines.append("set -- " + " ".join(map(quote, words)))
    lines.append(f'fr_m_{_program_name(step.spec)} "$@"')
    return "\n".join(lines)


def _exports(environment: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for name, value in environment.items():
        if not _NAME.match(name) or name.startswith("fr_"):
            raise ValueError(f"not a name for an environment variable: {name}")
        lines.append(f"export {name}={quote(value)}")
        if name == "LC_ALL":
            # fr_exec gives commands the locale back that modules do without.
            lines.append(f"fr__lc_set=1 fr__lc={quote(value)}")
    return lines


def _assign(lines: list[str], given: list[str], name: str, value: Value, type_: ArgType) -> None:
    if not _NAME.match(name):
        raise ValueError(f"not a name for an argument: {name}")
    if value is not None:
        given.append(name)
    if type_ not in _COMPOUND and not isinstance(value, Mapping | list | tuple):
        lines.append(f"a_{name}={quote(_scalar(value))}")
        return
    lines.append(" ".join(_compound(f"a_{name}", value, type_)))


def _compound(name: str, value: Value, type_: ArgType) -> list[str]:
    """Returns the assignments for a list, a mapping or nothing."""
    if isinstance(value, Mapping):
        words = [f"{name}_n={len(value)}"]
        for index, (key, item) in enumerate(value.items(), 1):
            words.append(f"{name}_k{index}={quote(str(key))}")
            words.append(f"{name}_v{index}={quote(_scalar(item))}")
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        words = [f"{name}_n={len(value)}"]
        words.extend(f"{name}_{at}={quote(_scalar(item))}" for at, item in enumerate(value, 1))
    else:
        return [f"{name}={quote(_scalar(value))}", f"{name}_n=0"]
    return [f"{name}={quote(_json(value)) if type_ is ArgType.RAW else quote('')}", *words]


def _scalar(value: Value) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else _json(value)


def _json(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Sequence):
        return list(value)
    return str(value)


def _words(step: Step) -> list[str] | None:
    """Returns the positional parameters: argv, or free text split into words."""
    if "argv" not in step.spec.args:
        return None
    argv = step.args.get("argv")
    if isinstance(argv, Sequence) and not isinstance(argv, str | bytes):
        return [_scalar(word) for word in argv]
    text = step.args.get("cmd")
    if text is None:
        text = step.args.get(_RAW_PARAMS)
    try:
        return shlex.split(_scalar(text))
    except ValueError as error:
        raise ValueError(f"cannot split the command into words: {error}") from error


@lru_cache(maxsize=256)
def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", lambda match: f"_{ord(match.group()):x}_", name)


def _program_name(spec: ModuleSpec) -> str:
    """Returns a shell name for the module; other programs get other names."""
    return _identifier(spec.name)


@lru_cache(maxsize=8)
def _prepared_lib(lib: str) -> str:
    """Returns the library as a quoted word, without comments and indentation."""
    return quote(_DULL_LINE.sub("", lib))


@lru_cache(maxsize=256)
def _quoted_program(program: str) -> str:
    return quote(program if program.strip() else ":")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
