"""How mistakes are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetrun.cli.problems import render_problems
from fleetrun.errors import InputError, Mark, Problem

SOURCE = "- name: update\n  copy: {src: a}\n  retires: 3\n"


def problem(**changes: object) -> Problem:
    values = {
        "kind": "input/unknown-keyword", "message": "unknown keyword `retires` in task `update`",
        "mark": Mark(file="update.yml", line=3, column=3, length=7),
        "label": "did you mean `retries`?",
        "allowed": ("image", "retries"), "hint": "fleetrun doc",
    }
    return Problem(**{**values, **changes})


def render(*problems: Problem, source: str | None = SOURCE, **options: object) -> str:
    return render_problems(InputError(problems), read_source=lambda _: source, **options)


def test_a_problem_has_its_place_line_caret_label_and_advice() -> None:
    """The whole format of one error."""
    assert render(problem()) == """\
error[input/unknown-keyword]: unknown keyword `retires` in task `update`
 --> update.yml:3:3
  |
3 |   retires: 3
  |   ^^^^^^^ did you mean `retries`?
  = allowed: image, retries
  = help: fleetrun doc
"""


def test_the_gutter_is_as_wide_as_the_line_number() -> None:
    """Carets stay below the text in line 1000."""
    mark = Mark(file="u.yml", line=1000, column=1, length=2)

    assert render(problem(mark=mark, allowed=(), hint=""), source="\n" * 999 + "ab: 1") == """\
error[input/unknown-keyword]: unknown keyword `retires` in task `update`
    --> u.yml:1000:1
     |
1000 | ab: 1
     | ^^ did you mean `retries`?
"""


def test_a_problem_without_a_place_has_message_and_advice_only() -> None:
    """For what stands in no file."""
    assert render(problem(mark=None, allowed=(), label="")) == (
        "error[input/unknown-keyword]: unknown keyword `retires` in task `update`\n"
        "  = help: fleetrun doc\n"
    )


@pytest.mark.parametrize("source", [None, "one line"])
def test_a_source_that_cannot_be_shown_is_left_out(source: str | None) -> None:
    """The file is gone or shorter than it was; the label is still there."""
    assert render(problem(allowed=(), hint=""), source=source) == """\
error[input/unknown-keyword]: unknown keyword `retires` in task `update`
 --> update.yml:3:3
  = did you mean `retries`?
"""


def test_the_file_itself_is_read(tmp_path: Path) -> None:
    """Lines come from the file that the mark names; a BOM and CRLF do not show."""
    path = tmp_path / "a.yml"
    path.write_bytes(b"\xef\xbb\xbfab: 1\r\ncd: 2\r\n")
    first = problem(mark=Mark(file=str(path), line=1, column=1, length=2), label="")

    text = render_problems(InputError([first]))

    assert "1 | ab: 1\n  | ^^\n" in text


def test_carets_stand_below_wide_and_tabbed_text() -> None:
    """Tabs are shown as four columns, wide characters count as two."""
    mark = Mark(file="u.yml", line=1, column=5, length=2)
    lines = render(problem(mark=mark, label=""), source="\t\u6f22:ab").splitlines()

    assert lines[3] == "1 |     \u6f22:ab"
    # One tab, one wide character, a colon and an "a" before the mark.
    assert lines[4] == "  | " + " " * (4 + 2 + 1 + 1) + "^"


def test_control_characters_never_reach_the_terminal() -> None:
    """Escapes from a file or a name are shown, not obeyed."""
    text = render(
        problem(message="bad \x1b[2J", label="\x07", hint="\x9b", allowed=("\r",)),
        source="\n\n  \x1b]0;x\x07",
    )

    assert text.replace("\n", "").isprintable()
    assert "\\x1b[2J" in text


def test_long_lines_are_cut_around_the_mark() -> None:
    """The mark stays visible and no line is wider than asked for."""
    source = "a" * 500 + "HERE" + "b" * 500
    mark = Mark(file="u.yml", line=1, column=501, length=4)

    lines = render(problem(mark=mark, label=""), source=source, width=80).splitlines()

    assert max(len(line) for line in lines) <= 80
    start = lines[3].index("HERE")
    assert lines[4] == "  |" + " " * (start - 3) + "^^^^"
    assert lines[3].endswith("...")


def test_a_mark_beyond_the_end_of_its_line_has_one_caret() -> None:
    """YAML reports some mistakes where the line has ended already."""
    mark = Mark(file="u.yml", line=1, column=40, length=9)

    assert "  |    ^ did" in render(problem(mark=mark), source="abc")


def test_long_lists_are_wrapped_below_themselves() -> None:
    """Allowed names do not run out of the screen."""
    allowed = tuple(f"keyword_{index}" for index in range(30))

    lines = render(problem(allowed=allowed), width=70).splitlines()

    assert max(len(line) for line in lines[5:]) <= 70
    assert lines[6].startswith("             keyword_")


def test_several_problems_are_counted_and_limited() -> None:
    """Beyond the limit only their number is shown."""
    text = render(*[problem()] * 5, limit=3)

    assert text.count("error[") == 3
    assert text.endswith("\nand 2 more problems\n\n5 problems; nothing was contacted\n")


def test_colour_only_adds_escape_sequences() -> None:
    """Without them the text is the same."""
    colored = render(problem(), color=True)
    plain = colored
    for code in ("\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"):
        plain = plain.replace(code, "")

    assert colored != plain
    assert plain == render(problem())
