"""The library of modules: found, parsed on demand, and wrong specs explained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fleetrun.errors import InputError
from fleetrun.loading import modules
from fleetrun.loading.modules import canonical_name, load_library
from fleetrun.model.module import ArgType, CheckMode, ModuleKind

SPEC = """
name: hello
summary: Says hello
check_mode: read_only
args:
  who: {required: true, aliases: [name], description: Whom to greet.}
examples: "- hello: {who: you}"
"""


def write(folder: Path, name: str, spec: str, program: str | None = "fr_put said hello\n") -> None:
    """A module's files."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yml").write_text(spec)
    if program is not None:
        (folder / f"{name}.sh").write_text(program)


def problems(folder: Path, name: str) -> list[str]:
    """What is wrong with a module, as line: message."""
    with pytest.raises(InputError) as caught:
        load_library([folder]).get(name)
    assert all(problem.kind == "input/module-spec" for problem in caught.value.problems)
    return [
        f"{problem.mark.line if problem.mark else 0}: {problem.message}"
        for problem in caught.value.problems
    ]


def test_a_module_has_its_schema_and_its_program() -> None:
    """A spec carries all that its two files say."""
    spec = load_library().get("file")
    assert spec is not None
    assert ("file", "files", ModuleKind.PREPARED) == (spec.name, spec.family, spec.kind)
    assert spec.args["path"].aliases == ("dest", "name")
    assert ArgType.MODE is spec.args["mode"].type
    assert spec.args["recurse"].default is False
    assert "fr_do_directory" in spec.program


@pytest.mark.parametrize(
    ("written", "own"),
    [
        ("ansible.builtin.copy", "copy"),
        ("ansible.legacy.copy", "copy"),
        ("ansible.posix.firewalld", "firewalld"),
        ("community.general.opkg", "opkg"),
        ("community.docker.docker_container", "docker_container"),
        ("containers.podman.podman_container", "docker_container"),
        ("ansible.builtin.gather_facts", "setup"),
        ("copy", "copy"),
        ("example.own.copy", "example.own.copy"),
    ],
)
def test_names_of_known_collections_become_the_own_ones(written: str, own: str) -> None:
    """A module of a collection that we know is found; one of another collection is not."""
    assert own == canonical_name(written)


def test_a_collections_module_is_the_same_module() -> None:
    """The library returns one spec, whatever the module is called by."""
    library = load_library()
    copy = library.get("copy")
    assert copy is library.get("ansible.builtin.copy") is library.get("ansible.legacy.copy")
    assert library.get("example.own.copy") is None
    assert library.get("nope") is None


def test_names_are_sorted_and_hold_the_first_dozen() -> None:
    """names() lists modules, not library files or awk programs."""
    names = load_library().names()
    assert sorted(names) == list(names)
    assert {"ping", "copy", "file", "setup", "debug", "reboot", "include_tasks"} <= set(names)
    assert not {"regex", "10-core", "lib"} & set(names)


def test_the_library_text_is_in_name_order() -> None:
    """10-core stands before 20-files, and nothing but sh is in it."""
    text = load_library().lib
    assert 0 < text.index("fr_put()") < text.index("fr_stat()") < text.index("fr_path()")
    assert "function compile(" not in text


def test_awk_becomes_one_word_before_the_program() -> None:
    """lineinfile brings its awk program, without comments."""
    spec = load_library().get("lineinfile")
    assert spec is not None
    head, _, rest = spec.program.removeprefix("fr_need awk\nfr_awk='\n").partition("'\n")
    assert "function search(" in head
    assert "function present(" in head
    assert "\n#" not in head
    assert rest.startswith("# What the modules that change a text share")
    assert "# awk decides" in rest


def test_needed_tools_are_checked_before_the_program(tmp_path: Path) -> None:
    """`needs` becomes the first line of the program."""
    write(tmp_path, "hello", SPEC + "needs: [grep, \"a b\"]\n")
    spec = load_library([tmp_path]).get("hello")
    assert spec is not None
    assert spec.program == "fr_need grep 'a b'\nfr_put said hello\n"


def test_template_runs_the_program_of_copy() -> None:
    """`program` in a spec names the module beside it whose program it is."""
    library = load_library()
    copy, template = library.get("copy"), library.get("template")
    assert copy is not None
    assert template is not None
    assert copy.program == template.program


def test_opening_the_library_parses_nothing() -> None:
    """Start-up costs the listing of folders; YAML is parsed for the module that is asked for."""
    code = (
        "from fleetrun.loading import modules, modulespec\n"
        "read = []\n"
        "real = modulespec.read_yaml\n"
        "def spy(path, **more):\n"
        "    read.append(path.name)\n"
        "    return real(path, **more)\n"
        "modulespec.read_yaml = spy\n"
        "library = modules.load_library()\n"
        "library.names(), library.get('nope')\n"
        "assert read == [], read\n"
        "library.get('ping'), library.get('ping'), library.get('ansible.builtin.ping')\n"
        "assert read == ['ping.yml'], read\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_own_modules_come_from_a_folder_or_its_families(tmp_path: Path) -> None:
    """A user's folder adds modules and wins over fleetrun's own."""
    write(tmp_path, "hello", SPEC)
    write(tmp_path / "greetings", "ping", SPEC.replace("name: hello", "name: ping"))
    library = load_library([tmp_path, tmp_path / "missing"])
    hello, ping = library.get("hello"), library.get("ping")
    assert hello is not None
    assert ping is not None
    assert ("", "fr_put said hello\n", CheckMode.READ_ONLY) == (
        hello.family, hello.program, hello.check_mode
    )
    assert ("greetings", "Says hello") == (ping.family, ping.summary)


def test_later_folders_win(tmp_path: Path) -> None:
    """The last folder that has a module provides it."""
    write(tmp_path / "a", "hello", SPEC)
    write(tmp_path / "b", "hello", SPEC.replace("Says hello", "Says more"))
    found = load_library([tmp_path / "a", tmp_path / "b"]).get("hello")
    assert found is not None
    assert found.summary == "Says more"


def test_a_wheel_holds_the_modules_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fleetrun/_modules, when it is there, is where modules come from."""
    package = tmp_path / "fleetrun"
    (package / "loading").mkdir(parents=True)
    monkeypatch.setattr(modules, "__file__", str(package / "loading" / "modules.py"))
    assert tmp_path / "modules" == modules.modules_folder()
    write(package / "_modules" / "x", "hello", SPEC)
    assert package / "_modules" == modules.modules_folder()
    assert load_library().names() == ("hello",)


def test_every_mistake_is_reported_with_its_line(tmp_path: Path) -> None:
    """A wrong spec gives all its problems at once."""
    write(tmp_path, "hello", (
        "name: hallo\nkind: devise\nlong: 3\nneeds: awk\nargs:\n  a: {typ: str, type: strr}\n"
        "  b: [1]\nexclusive: [[a, c]]\nexampels: x\n"
    ))
    found = problems(tmp_path, "hello")
    assert [
        "9: unknown key `exampels`",
        "1: `name` must be hello, as the file is called",
        "2: `kind` must be one of device, prepared, controller, dialogue, include",
        "6: unknown key `typ`",
        "6: `args.a.type` must be one of str, path, bool, int, float, list, dict, mode, raw",
        "7: `args.b` must be a mapping",
        "3: `long` must be true or false",
        "4: `needs` must be a list",
        "8: `exclusive` names `c`, which is no argument",
    ] == found


def test_a_misspelt_key_gets_a_suggestion(tmp_path: Path) -> None:
    """"Did you mean" is the problem's label."""
    write(tmp_path, "hello", SPEC + "sumary: x\n")
    with pytest.raises(InputError) as caught:
        load_library([tmp_path]).get("hello")
    assert caught.value.problems[0].label == "did you mean `summary`?"


@pytest.mark.parametrize(
    ("spec", "program", "message"),
    [
        (SPEC, None, "there is no program hello.sh beside it"),
        (SPEC + "program: other\n", "x", "there is no program other.sh beside it"),
        (SPEC + "kind: controller\nprogram: other\n", None, "there is no program other.sh"),
    ],
)
def test_a_program_must_be_there(
    spec: str, program: str | None, message: str, tmp_path: Path
) -> None:
    """A module for the device without a program is wrong, and so is a wrong `program`."""
    write(tmp_path, "hello", spec, program)
    assert message in problems(tmp_path, "hello")[0]


def test_shared_text_comes_before_the_program(tmp_path: Path) -> None:
    """`shares` names files beside the module; one that is missing is an input error."""
    write(tmp_path, "hello", SPEC + "shares: [shared]\n")
    with pytest.raises(InputError, match=r"shared\.sh"):
        load_library([tmp_path]).get("hello")
    (tmp_path / "shared.sh").write_text("greeting=hello\n")
    spec = load_library([tmp_path]).get("hello")
    assert spec is not None
    assert spec.program == "greeting=hello\nfr_put said hello\n"


def test_awk_may_not_hold_a_single_quote(tmp_path: Path) -> None:
    """It would end the sh word that the awk program becomes."""
    write(tmp_path, "hello", SPEC + "awk: [hello]\n")
    (tmp_path / "hello.awk").write_text("# it's a comment\nBEGIN { print \"it's\" }\n")
    assert "hello.awk holds a single quote" in problems(tmp_path, "hello")[0]


def test_a_module_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """Bytes that are no text in a program are an input error."""
    write(tmp_path, "hello", SPEC)
    (tmp_path / "hello.sh").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot read"):
        load_library([tmp_path]).get("hello")
