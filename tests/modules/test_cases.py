"""Every case in cases/*.yml: under three shells, checked, run, and run again.

A case says what is there (`given`, `prepare`), the arguments, and what is
expected; docs/howto/write-a-module.md describes the keys.
"""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fleetrun.loading.yamlfile import read_yaml
from fleetrun.model.module import CheckMode
from tests.support.http_server import http_server

FOLDER = Path(__file__).with_name("cases")
SHELLS = ("dash", "busybox", "bash")
KEYS = {"name", "given", "prepare", "args", "env", "shells", "expect", "again", "checked",
        "inside"}
EXPECT_KEYS = {"changed", "failed", "kind", "result", "diff", "files", "globs", "stdout", "rc",
               "status"}


#: Address of the web server, while there is one.
HTTP: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def web_server():
    """A server on loopback for cases that name {http}."""
    with http_server() as url:
        HTTP.append(url)
        yield
        HTTP.pop()


def load_cases() -> list[Any]:
    """All cases, one parameter set per case and shell."""
    found = []
    for path in sorted(FOLDER.glob("*.yml")):
        for case in read_yaml(path, trusted=False).value:
            found += [
                pytest.param(path.stem, case, shell, id=f"{path.stem}-{case['name']}-{shell}")
                for shell in case.get("shells", SHELLS)
            ]
    return found


@pytest.mark.parametrize(("module", "case", "shell"), load_cases())
def test_case(
    module: str, case: Mapping[str, Any], shell: str, make_device, make_step, namespaces
) -> None:
    """A module does what its case says, then nothing more, and under check nothing at all."""
    assert set(case) <= KEYS, f"unknown keys: {set(case) - KEYS}"
    assert set(case["expect"]) <= EXPECT_KEYS, f"unknown keys: {set(case['expect']) - EXPECT_KEYS}"

    def make(*args: str, **env: str) -> Any:
        device = prepare(make_device(*args, **env), case)
        if "inside" in case:
            # Cases that wrap a tool of /usr/sbin say is_bare: false.
            wanted = {"is_bare": shell == "busybox", **case["inside"]}
            inside = namespaces(device.root, **wanted)
            return replace(device, inside=inside)
        return device

    check(module, case, shell, make, make_step)
    run_twice(module, case, shell, make, make_step)


def check(module: str, case: Mapping[str, Any], shell: str, make_device, make_step) -> None:
    """Under --check nothing is touched, and the answer is the same."""
    device = make_device(shell, "checked", **env_of(case))
    step = make_step(module, args_of(case, device.root), check=True)
    if step.spec.check_mode is CheckMode.SKIP:
        return
    before = snapshot(device.root)
    reply = device.run(step)[0]
    assert before == snapshot(device.root)
    expect = {**case["expect"], **case.get("checked", {})}
    compare(reply, {**expect, "files": {}}, device.root)


def run_twice(module: str, case: Mapping[str, Any], shell: str, make_device, make_step) -> None:
    """The first run does it, the second finds it done."""
    device = make_device(shell, **env_of(case))
    args = args_of(case, device.root)
    first, second = device.run(
        make_step(module, args, seq=0), make_step(module, args, seq=1)
    )
    compare(first, case["expect"], device.root)
    for pattern, count in case["expect"].get("globs", {}).items():
        assert count == len(list(device.root.glob(pattern))), pattern
    if "failed" in case["expect"] or "status" in case["expect"]:
        return
    again = case.get("again", {})
    assert again.get("changed", False) == second.values.get("changed"), second
    assert 0 == second.exit_status, second


def env_of(case: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in case.get("env", {}).items()}


def args_of(case: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The arguments, with {root} replaced and `content_b64` decoded."""
    args = {key: filled(value, root) for key, value in case.get("args", {}).items()}
    if "content_b64" in args:
        args["content"] = base64.b64decode(args.pop("content_b64"))
    return args


def filled(value: Any, root: Path) -> Any:
    if isinstance(value, str):
        return value.replace("{root}", str(root)).replace("{http}", HTTP[-1] if HTTP else "")
    if isinstance(value, list):
        return [filled(item, root) for item in value]
    if isinstance(value, Mapping):
        return {key: filled(item, root) for key, item in value.items()}
    return value


def prepare(device: Any, case: Mapping[str, Any]) -> Any:
    """Makes what the case says is there."""
    for name, wanted in case.get("given", {}).items():
        make_path(device.root / name, wanted)
    if "prepare" in case:
        # $GIVEN: programs that prepare what many cases need; $SHELF: what they made once.
        env = {**os.environ, "GIVEN": str(FOLDER.parent / "given"), "SHELF": str(shelf())}
        subprocess.run(
            ["sh", "-euc", case["prepare"]], cwd=device.root, check=True, timeout=60, env=env
        )
    if any("{root}" in value for value in device.env.values()):
        env = {key: value.replace("{root}", str(device.root)) for key, value in device.env.items()}
        object.__setattr__(device, "env", env)
    return device


@cache
def shelf() -> Path:
    """A folder that lives as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix="fleetrun-given."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def make_path(path: Path, wanted: Any) -> None:
    wanted = wanted if isinstance(wanted, Mapping) else {"content": wanted}
    path.parent.mkdir(parents=True, exist_ok=True)
    if "link" in wanted:
        path.symlink_to(wanted["link"])
        return
    if wanted.get("dir"):
        path.mkdir(exist_ok=True)
    elif "content_b64" in wanted:
        path.write_bytes(base64.b64decode(wanted["content_b64"]))
    else:
        path.write_bytes(wanted.get("content", "").encode())
    path.chmod(int(wanted.get("mode", "0755" if wanted.get("dir") or path.parent.name == "bin"
                              else "0644"), 8))


def snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below `root`: kind, rights, owner, times and contents."""
    found = {}
    for path in [root, *sorted(root.rglob("*"))]:
        if ".fleetrun" in path.parts:
            continue
        info = path.lstat()
        content: object = None
        if path.is_symlink():
            content = path.readlink()
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(root))] = (
            info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns, content,
        )
    return found


def compare(reply: Any, expect: Mapping[str, Any], root: Path) -> None:
    """The reply and the files are as expected."""
    if expect.get("failed") is not None:
        assert 0 != reply.exit_status, reply
        assert filled(expect["failed"], root) in reply.values.get("msg", ""), reply
        assert expect.get("kind", "") == reply.error_kind, reply
    else:
        assert expect.get("status", 0) == reply.exit_status, reply
        assert reply.error_kind == "", reply
    if "changed" in expect:
        assert expect["changed"] == reply.values.get("changed"), reply
    if "rc" in expect:
        assert expect["rc"] == reply.values["rc"], reply
    for key, value in expect.get("result", {}).items():
        actual: Any = reply.values
        for part in key.split("."):
            actual = actual[int(part)] if isinstance(actual, list) else actual.get(part)
        assert filled(value, root) == actual, (key, reply)
    for key, value in expect.get("diff", {}).items():
        assert filled(value, root) == reply.values["diff"][key], reply
    stdout = reply.stdout.content.decode().rstrip("\n")
    assert filled(expect.get("stdout", ""), root) == stdout, reply
    for name, value in expect.get("files", {}).items():
        compare_path(root / name, value)


def compare_path(path: Path, wanted: Any) -> None:
    wanted = wanted if isinstance(wanted, Mapping) else {"content": wanted}
    if wanted.get("absent"):
        assert not os.path.lexists(path), f"{path} is still there"
        return
    if "link" in wanted:
        assert wanted["link"] == str(path.readlink())
        return
    if "content" in wanted:
        assert wanted["content"].encode() == path.read_bytes()
    if "content_b64" in wanted:
        assert base64.b64decode(wanted["content_b64"]) == path.read_bytes()
    if wanted.get("dir"):
        assert path.is_dir(), f"{path} is no folder"
    if "mode" in wanted:
        assert wanted["mode"] == f"{stat.S_IMODE(path.lstat().st_mode):04o}", path
