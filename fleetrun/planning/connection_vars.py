"""How to reach a device, as its variables say it (rule 41).

Variables beat the play's keywords, and these beat the command line; extra
variables are variables and stand highest by themselves.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fleetrun.errors import InputError, Problem
from fleetrun.model.run import Invocation
from fleetrun.model.values import SecretText, Value
from fleetrun.planning.filters.text import to_bool
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater

_HOP = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^@:\s]+))(?::(?P<port>\d{1,5}))?"
)
_SAME_AS_SSH = frozenset({"smart", "paramiko", "paramiko_ssh", "ssh"})
_ARGUMENT_NAMES = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_WITH_VALUE = frozenset({"-J", "-o", "-i", "-l", "-p", "-F", "-W"})
_PROXY_JUMP = re.compile(r"(?:-J|-o\s*proxyjump\s*[=\s]\s*)(\S+)", re.IGNORECASE)
_ALIVE = re.compile(r"-o\s*serveralive(interval|countmax)\s*[=\s]\s*([1-9]\d{0,4})", re.IGNORECASE)
_HOST_KEY_SWITCH = re.compile(r"-o\s*(?:stricthostkeychecking|checkhostip)\b", re.IGNORECASE)
#: What fleetrun does by itself: one connection kept alive, and quiet.
_NEEDLESS = re.compile(
    r"-[qCTx4]+$|-o\s*(?:control|serveralive|tcpkeepalive|compression|loglevel)", re.IGNORECASE
)
_PREFIX = "ansible.builtin."

CONNECT_TIMEOUT_S = 10.0
LOGIN_TIMEOUT_S = 15.0
KEEPALIVE_INTERVAL_S = 15.0
KEEPALIVE_COUNT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A jump host on the way to a device."""

    host: str
    port: int = 22
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionVars:
    """How to reach a device; empty means that nothing says it."""

    device: str
    #: Address or name to connect to.
    host: str
    port: int = 22
    user: str = ""
    #: ssh, local, or another transport's name.
    connection: str = "ssh"
    #: Paths as written; ``~`` is not expanded.
    private_keys: tuple[str, ...] = ()
    password: SecretText | None = field(default=None, repr=False)
    host_keys: tuple[str, ...] = ()
    known_hosts: tuple[str, ...] = ()
    jumps: tuple[Jump, ...] = ()
    #: Bastions that the device dials out to, tried in order.
    bastions: tuple[Jump, ...] = ()
    bastion_host_keys: tuple[str, ...] = ()
    use_ssh_config: bool = False
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    login_timeout_s: float = LOGIN_TIMEOUT_S
    #: A silent link is asked so often whether it lives, and given up after so
    #: many questions without an answer.
    keepalive_interval_s: float = KEEPALIVE_INTERVAL_S
    keepalive_count: int = KEEPALIVE_COUNT
    #: None: no variable says it, so the task's or play's keyword counts.
    become: bool | None = None
    become_user: str = ""
    become_method: str = ""
    become_password: SecretText | None = field(default=None, repr=False)
    #: Settings that have no effect here, for people.
    warnings: tuple[str, ...] = ()


def connection_settings(
    scope: Scope,
    templater: Templater,
    *,
    invocation: Invocation,
    device: str,
    remote_user: str = "",
    port: int = 22,
) -> ConnectionVars:
    """Returns how to reach `device`.

    `scope` has its variables; `remote_user` and `port` are the play's keywords. Raises
    InputError when a variable has the wrong form, and TemplateError.
    """
    found = _Reader(templater.view(scope), device, invocation.connection_vars)
    warnings: list[str] = []
    jumps = found.jumps(warnings)
    user = found.text("ansible_ssh_user", "ansible_user")
    alive = found.keepalive()
    keys = found.texts("ansible_ssh_private_key_file", "ansible_private_key_file")
    return ConnectionVars(
        device=device,
        host=found.text("ansible_ssh_host", "ansible_host") or device,
        port=found.number("ansible_ssh_port", "ansible_port", default=port),
        user=user or remote_user or invocation.remote_user,
        connection=_transport(found.text("ansible_connection") or invocation.connection),
        private_keys=keys or invocation.private_keys,
        password=found.secret("ansible_ssh_password", "ansible_ssh_pass", "ansible_password"),
        host_keys=found.lines("fleetrun_host_key", "ansible_ssh_host_key"),
        known_hosts=found.texts("fleetrun_known_hosts"),
        jumps=jumps,
        bastions=found.hops("fleetrun_bastion", found.texts("fleetrun_bastion")),
        bastion_host_keys=found.lines("fleetrun_bastion_host_key"),
        use_ssh_config=invocation.use_ssh_config,
        connect_timeout_s=found.seconds(
            "ansible_ssh_timeout", "ansible_timeout", default=CONNECT_TIMEOUT_S
        ),
        login_timeout_s=found.seconds("fleetrun_login_timeout", default=LOGIN_TIMEOUT_S),
        keepalive_interval_s=found.seconds(
            "fleetrun_keepalive_interval", default=alive.get("interval", KEEPALIVE_INTERVAL_S)
        ),
        keepalive_count=found.number(
            "fleetrun_keepalive_count", default=alive.get("countmax", KEEPALIVE_COUNT),
            wanted="a count from 1",
        ),
        become=found.flag("ansible_become"),
        become_user=found.text("ansible_become_user"),
        become_method=found.text("ansible_become_method").removeprefix(_PREFIX),
        become_password=found.secret(
            "ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"
        ),
        warnings=tuple(warnings),
    )


def _transport(name: str) -> str:
    short = name.removeprefix(_PREFIX)
    return "ssh" if short in _SAME_AS_SSH else short


class _Reader:
    """Reads variables of one device; of several names the first that is set counts."""

    def __init__(
        self, names: Mapping[str, Value], device: str, defaults: Mapping[str, Value]
    ) -> None:
        self._vars = names
        self._defaults = defaults
        self._device = device

    def _first(self, names: Sequence[str]) -> tuple[str, Value]:
        for source in (self._vars, self._defaults):
            for name in names:
                value = source.get(name)
                if value is not None and value != "":
                    return name, value
        return "", None

    def text(self, *names: str) -> str:
        name, value = self._first(names)
        if isinstance(value, (str, int, float)):
            return str(value)
        if value is None:
            return ""
        raise self._problem(name, value, "a text")

    def texts(self, *names: str) -> tuple[str, ...]:
        name, value = self._first(names)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(str(item) for item in value)
        raise self._problem(name, value, "a text or a list of texts")

    def lines(self, *names: str) -> tuple[str, ...]:
        texts = self.texts(*names)
        return tuple(line.strip() for text in texts for line in text.splitlines() if line.strip())

    def words(self, name: str) -> list[str]:
        text = self.text(name)
        try:
            return shlex.split(text)
        except ValueError as error:
            raise self._problem(name, text, "words with closed quotes") from error

    def secret(self, *names: str) -> SecretText | None:
        text = self.text(*names)
        return SecretText(text) if text else None

    def flag(self, name: str) -> bool | None:
        _, value = self._first((name,))
        return None if value is None else to_bool(value)

    def number(self, *names: str, default: int, wanted: str = "a port number") -> int:
        name, value = self._first(names)
        if value is None:
            return default
        if isinstance(value, (str, int)) and re.fullmatch(r"\d{1,5}", str(value)):
            number = int(value)
            if 0 < number < 65536:
                return number
        raise self._problem(name, value, wanted)

    def seconds(self, *names: str, default: float) -> float:
        name, value = self._first(names)
        if value is None:
            return default
        try:
            number = float(str(value))
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise self._problem(name, value, "a number of seconds above 0")
        return number

    def keepalive(self) -> dict[str, int]:
        """What OpenSSH arguments say of ServerAlive*; the first one counts, as for ssh."""
        said: dict[str, int] = {}
        for name in _ARGUMENT_NAMES:
            for option in _options(self.words(name)):
                match = _ALIVE.fullmatch(option)
                if match:
                    said.setdefault(match[1].lower(), int(match[2]))
        return said

    def jumps(self, warnings: list[str]) -> tuple[Jump, ...]:
        written = list(self.texts("fleetrun_jump"))
        source = "fleetrun_jump"
        for name in _ARGUMENT_NAMES:
            asked = list(_proxy_jumps(name, self.words(name), warnings))
            if asked and not written:
                written, source = asked, name
        return self.hops(source, written)

    def hops(self, name: str, texts: Sequence[str]) -> tuple[Jump, ...]:
        """The hosts of a variable: [user@]host[:port], several by commas; none is none."""
        hops = [hop.strip() for text in texts for hop in text.split(",")]
        return tuple(self._jump(name, hop) for hop in hops if hop and hop.lower() != "none")

    def _jump(self, name: str, text: str) -> Jump:
        match = _HOP.fullmatch(text.strip().removeprefix("ssh://"))
        if match is None:
            raise self._problem(name, text, "[user@]host[:port]")
        return Jump(
            host=match["v6"] or match["host"], port=int(match["port"] or 22),
            user=match["user"] or "",
        )

    def _problem(self, name: str, value: Value, wanted: str) -> InputError:
        shown = "what it is" if "pass" in name else f"{value!r:.80}"
        return InputError([Problem(
            kind="input/bad-variable",
            message=f"{self._device}: the variable {name} must be {wanted}, not {shown}",
            hint=f"set {name} in the inventory, host_vars or group_vars",
        )])


def _proxy_jumps(name: str, words: Sequence[str], warnings: list[str]) -> Iterator[str]:
    """The jump hosts that OpenSSH arguments name; what else has a use leaves a warning."""
    for option in _options(words):
        proxy = _PROXY_JUMP.fullmatch(option)
        if proxy:
            yield proxy[1]
        elif _HOST_KEY_SWITCH.match(option):
            warnings.append(f"{name}: {option} has no effect; host keys are always checked")
        elif not _NEEDLESS.match(option):
            warnings.append(f"{name}: {option} has no effect; only jump hosts (-J) are read")


def _options(words: Sequence[str]) -> Iterator[str]:
    """OpenSSH arguments, each with its value behind it."""
    rest = iter(words)
    for word in rest:
        yield f"{word}{next(rest, '')}" if word in _WITH_VALUE else word
