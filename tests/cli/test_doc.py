"""`fleetrun doc`: the page of a module."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.cli.doc import page
from fleetrun.cli.main import main
from fleetrun.loading.modules import load_library
from fleetrun.model.module import ArgSpec, ArgType, CheckMode, ModuleSpec

SPEC = ModuleSpec(
    name="flash", family="updates", summary="Writes an image", idempotent=False,
    check_mode=CheckMode.SKIP, diff=True, needs=("rauc",), one_of=(("image", "url"),),
    exclusive=(("image", "url"),), notes=("It may take long.",),
    returns={"slot": "The slot that was written."}, examples="- flash: {image: a.raucb}\n",
    args={
        "image": ArgSpec(name="image", type=ArgType.PATH, aliases=("src",), description="A file."),
        "url": ArgSpec(name="url", description="Where\n  to get it."),
        "force": ArgSpec(
            name="force", type=ArgType.BOOL, default=False, description="Even when it is there.",
        ),
        "end": ArgSpec(name="end", choices=("\n", "\\n", "none"), description="Line end."),
        "key": ArgSpec(name="key", required=True, secret=True, description="The key."),
        "_path": ArgSpec(name="_path", description="Between us."),
    },
)


def test_a_page_has_arguments_behaviour_returns_and_examples() -> None:
    """Everything a user may set, in the words of a playbook; nothing private."""
    assert page(SPEC) == """\
flash - Writes an image

Arguments:
  image (path; alias src): A file.
  url (str): Where to get it.
  force (bool; default false): Even when it is there.
  end (str; one of \\n, none): Line end.
  key (str; required; never logged): The key.
  at least one of: image, url
  at most one of: image, url

check mode: skip
diff: yes
idempotent: no, runs under a receipt
needs on the device: rauc

note: It may take long.

Returns:
  slot: The slot that was written.

Examples:
  - flash: {image: a.raucb}"""


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [("keyword", "serial", "Sizes of the batches"), ("filter", "combine", "Returns"),
     ("filter", "ansible.builtin.upper", "Jinja"), ("test", "defined", "test"),
     ("lookup", "env", "environment")],
)
def test_words_of_the_language_have_a_page(
    capsys: pytest.CaptureFixture[str], kind: str, name: str, says: str
) -> None:
    """A keyword says where it stands, too; an unknown word gets a suggestion."""
    assert main(["doc", "-t", kind, name]) == 0
    assert says in capsys.readouterr().out
    assert main(["doc", "-t", kind, name + "x"]) == 2
    assert "did you mean" in capsys.readouterr().err


@pytest.mark.parametrize("name", load_library().names())
def test_every_module_has_a_page(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each ends well, begins with the module's name and shows nothing private."""
    assert main(["doc", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{name} - ")
    assert "\n  _" not in said


def test_the_list_has_every_module(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each: name and summary."""
    assert main(["doc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(load_library().names())


def test_an_unknown_module_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, the near names, nothing on stdout."""
    assert main(["doc", "linefile"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no module 'linefile'" in said.err
    assert "lineinfile" in said.err


@pytest.mark.parametrize(("folder", "options"), [("library", []), ("mine", ["-M", "mine"])])
def test_a_module_of_the_users_has_a_page(
    folder: str, options: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    """Those in library/ are found without a word, others by -M."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "motd.yml").write_text("name: motd\nsummary: Sets the message\n")
    (tmp_path / folder / "motd.sh").write_text("fr_changed\n")
    monkeypatch.chdir(tmp_path)
    assert main(["doc", *options, "motd"]) == 0
    assert capsys.readouterr().out.startswith("motd - Sets the message\n")
