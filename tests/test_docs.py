"""Documentation: generated pages are current, links resolve, commands parse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fleetrun.app.vocabulary import functions
from fleetrun.cli.main import cli
from fleetrun.errors import ExitCode
from fleetrun.loading.modules import load_library
from fleetrun.loading.schema import KEYWORDS
from fleetrun.testing.docs import PAGES, write
from fleetrun.testing.docs_cli import commands
from fleetrun.testing.docs_config import VARIABLES, variables_in_source
from fleetrun.testing.docs_keywords import page_name
from fleetrun.testing.error_kinds import SENTENCES
from fleetrun.testing.kind_scan import error_kinds

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = dict(commands())

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(fleetrun [^`\n]*)`")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands_in(text: str) -> Iterator[list[str]]:
    """The words of every `fleetrun ...` in shell blocks and in the running text."""
    for language, block in _FENCE.findall(text):
        if language in {"sh", "shell", "console"}:
            for line in block.replace("\\\n", " ").splitlines():
                yield from commands_of(line)
    for line in _INLINE.findall(_FENCE.sub("", text)):
        yield from commands_of(line)


def commands_of(line: str) -> Iterator[list[str]]:
    """The `fleetrun` commands of one line of shell."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;<>()"):
            if words and words[0] == "fleetrun":
                yield words
            words = []
        else:
            words.append(word)


def parse(words: list[str]) -> None:
    """Parses a command as the command line does, without running it."""
    command: click.Command = cli
    context = click.Context(cli, info_name="fleetrun")
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"no command {rest[0]}")
        command, rest = found, rest[1:]
        context = click.Context(command, parent=context, info_name=command.name)
        if not rest:
            # A verb that is only talked about: `fleetrun run`.
            return
    try:
        command.make_context(command.name, list(rest), parent=context.parent)
    except click.exceptions.Exit:
        # --help and --version end here.
        return


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_current(name: str) -> None:
    """Run `make docs` when this fails."""
    page = ROOT / "docs" / "reference" / name
    assert page.read_text(encoding="utf-8") == PAGES[name]()


def test_every_page_of_the_reference_is_generated() -> None:
    """Nothing in docs/reference is written by hand."""
    folder = ROOT / "docs" / "reference"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == set(PAGES)


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    """The first time all pages are written, the second time none."""
    assert write(tmp_path / "reference") == tuple(PAGES)
    assert write(tmp_path / "reference") == ()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_resolve(document: Path) -> None:
    """A relative link names a file that is there, and a heading in it."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_readme_is_short_and_names_the_two_commands() -> None:
    """A reader sees at once what to type."""
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_commands_in_documents_parse(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every `fleetrun ...` that a document shows is a command of today."""
    wrong = []
    for words in commands_in(document.read_text(encoding="utf-8")):
        try:
            parse(words)
        except click.ClickException as error:
            wrong.append(f"{shlex.join(words)}: {error.format_message()}")
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fleetrun run a.yml # later", [["fleetrun", "run", "a.yml"]]),
        ("$ fleetrun plan a -o b && fleetrun apply b",
         [["fleetrun", "plan", "a", "-o", "b"], ["fleetrun", "apply", "b"]]),
        ("fleetrun runs list | head -3", [["fleetrun", "runs", "list"]]),
        ("make demo", []),
        ("fleetrun exec 'a:&b' -- sh -c 'x | y'",
         [["fleetrun", "exec", "a:&b", "--", "sh", "-c", "x | y"]]),
    ],
)
def test_commands_are_found_in_shell(line: str, found: list[list[str]]) -> None:
    """The test above sees what a shell would run."""
    assert list(commands_of(line)) == found


@pytest.mark.parametrize(
    "line",
    ["fleetrun rnu", "fleetrun run -C", "fleetrun run --lmit x a.yml", "fleetrun runs shwo last",
     "fleetrun run -f many a.yml"],
)
def test_a_wrong_command_does_not_parse(line: str) -> None:
    """The test above can fail."""
    with pytest.raises(click.ClickException):
        parse(shlex.split(line))


@pytest.mark.parametrize("path", COMMANDS)
def test_help_has_an_example_and_exit_codes(path: str) -> None:
    """An example of this command or of one below it, and what its exit means."""
    epilog = COMMANDS[path].epilog or ""
    examples = [line.strip() for line in epilog.splitlines() if line.startswith("  ")]
    assert any(path in line for line in examples), "no example"
    assert "Exit codes:" in epilog


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_says_what_it_does(path: str) -> None:
    """No flag is left to guess."""
    silent = [
        param.opts for param in COMMANDS[path].params
        if isinstance(param, click.Option) and not param.help
    ]
    assert silent == []


def test_every_error_kind_has_a_sentence_and_every_sentence_a_kind() -> None:
    """A kind that is raised is explained in fleetrun/testing/error_kinds.py, and no other."""
    assert sorted(error_kinds()) == sorted(SENTENCES)


@pytest.mark.parametrize(
    "kind",
    ["input/unknown-keyword", "connect/login-timeout", "lost/keepalive", "file/directory",
     "module/missing-tool", "task/assertion", "connect/resources"],
)
def test_the_scan_finds_kinds_of_every_form(kind: str) -> None:
    """Keyword, argument of a call, tuple, assignment, sh, position, choice."""
    assert kind in error_kinds()


def test_environment_variables_are_those_that_the_code_reads() -> None:
    """config.md names them all and no other."""
    assert sorted(variables_in_source()) == sorted(VARIABLES)


def test_every_exit_code_is_explained() -> None:
    """errors.md has a row for each."""
    page = PAGES["errors.md"]()
    assert [code for code in ExitCode if f"| {code.value} | {code.name} |" not in page] == []


def test_every_module_and_keyword_has_a_place() -> None:
    """The index names all modules; each keyword that is supported has its anchor."""
    linked = re.findall(r"^\| \[(\S+)\]\(modules/", PAGES["modules.md"](), re.MULTILINE)
    assert tuple(sorted(linked)) == load_library().names()
    for level, table in KEYWORDS.items():
        titles = re.findall(r"^## (\S+)$", PAGES[page_name(level)](), re.MULTILINE)
        assert titles == [name for name, keyword in table.items() if keyword.is_supported]


def test_every_filter_test_and_lookup_is_listed() -> None:
    """By its own name; the prefixed spellings are said once, above."""
    page = PAGES["templates.md"]()
    missing = [
        name for table in functions().values() for name in table if f"| `{name}` |" not in page
    ]
    assert missing == []
