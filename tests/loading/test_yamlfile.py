"""YAML files: values, positions, budgets and errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetrun.errors import InputError, Mark, Problem
from fleetrun.loading import yamlfile
from fleetrun.loading.yamlfile import read_yaml
from fleetrun.model.values import TemplateText

FILE = Path("site.yml")


def value_of(text: str) -> object:
    return read_yaml(FILE, text=text).value


def problem_of(text: str) -> Problem:
    with pytest.raises(InputError) as caught:
        read_yaml(FILE, text=text)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("yes", True), ("On", True), ("TRUE", True), ("no", False), ("NO", False), ("off", False),
        ("y", "y"), ("n", "n"), ("~", None), ("Null", None), ("", None),
        ("0644", 420), ("08", "08"), ("0x1F", 31), ("-0b11", -3), ("1_000", 1000), ("+7", 7),
        ("0x_", "0x_"), ("1.10", 1.1), ("1e3", "1e3"), ("1.0e+3", 1000.0), ("-.inf", float("-inf")),
        ("22:22", "22:22"), ("1:30.5", "1:30.5"), ("2026-01-01", "2026-01-01"),
        ("2026-01-01 10:00:00", "2026-01-01 10:00:00"), ("=", "="), ("'0644'", "0644"),
        ("!!str 5", "5"), ("!!int 5", 5), ("!!float 5", 5.0), ("! 5", "5"),
        ("!!binary aGk=", b"hi"),
    ],
)
def test_scalars_resolve_as_in_yaml_1_1_without_base_60_and_dates(
    plain: str, expected: object
) -> None:
    """Each plain scalar gives the documented value of the documented type."""
    value = value_of(f"x: {plain}\n")

    assert (expected, type(expected)) == (value["x"], type(value["x"]))


def test_a_number_too_long_for_python_stays_text() -> None:
    """An integer of 5,000 digits is kept as it is written."""
    assert value_of("x: " + "9" * 5000) == {"x": "9" * 5000}


def test_operator_text_with_braces_is_a_template_with_its_position() -> None:
    """Values with template signs become TemplateText that knows where it stands."""
    value = value_of("a:\n  - '{{ b }}'\n  - plain\n  - |\n    {% if x %}y{% endif %}\n")

    assert [TemplateText, str, TemplateText] == [type(item) for item in value["a"]]
    assert Mark(file="site.yml", line=2, column=5, length=9) == value["a"][0].mark


def test_untrusted_text_is_never_a_template() -> None:
    """With trusted=False braces are plain text."""
    value = read_yaml(FILE, text="a: '{{ b }}'", trusted=False).value

    assert str is type(value["a"])


def test_unsafe_values_are_never_templates_also_below_a_collection() -> None:
    """!unsafe keeps text plain, also when an alias shares the node elsewhere."""
    value = value_of("a: !unsafe '{{ x }}'\nb: &b ['{{ y }}']\nc: !unsafe {d: *b}\n")

    assert (str, str) == (type(value["a"]), type(value["c"]["d"][0]))
    assert TemplateText is type(value["b"][0])


def test_marks_point_at_values_and_keys() -> None:
    """mark gives the value's place, key_mark the key's; both count from 1."""
    document = read_yaml(FILE, text="- hosts: all\n  tasks:\n    - ping: {a: 1}\n")

    assert str(document.mark((0, "hosts"))) == "site.yml:1:10"
    assert str(document.key_mark((0, "tasks"))) == "site.yml:2:3"
    assert str(document.key_mark((0, "tasks", 0, "ping", "a"))) == "site.yml:3:14"
    assert document.key_mark((0, "tasks", 0, "ping")).length == 4


def test_the_mark_of_something_missing_is_that_of_its_parent() -> None:
    """A pointer that leads nowhere gives the last place that exists."""
    document = read_yaml(FILE, text="a:\n  b: 1\n")

    assert str(document.mark(("a", "c", 4))) == "site.yml:2:3"


def test_merge_keys_give_way_to_own_keys_and_the_first_of_a_list_wins() -> None:
    """`<<` behaves as in YAML 1.1, and merged values can be located."""
    document = read_yaml(
        FILE,
        text="a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\nd: {'<<': 5}\n",
    )

    assert document.value["c"] == {"x": 1, "y": 1, "z": 3}
    assert document.value["d"] == {"<<": 5}
    assert str(document.mark(("c", "x"))) == "site.yml:1:11"


def test_several_documents_are_all_there_and_anchors_end_with_theirs() -> None:
    """`---` separates documents; an alias cannot reach over it."""
    assert read_yaml(FILE, text="- a\n---\nb: 1\n").documents == (["a"], {"b": 1})
    assert problem_of("a: &x 1\n---\nb: *x\n").kind == "input/yaml-alias"


def test_an_empty_file_has_no_document() -> None:
    """Nothing and comments give no value and a usable mark."""
    document = read_yaml(FILE, text="# nothing\n")

    assert (document.value, document.documents) == (None, ())
    assert str(document.mark(("a",))) == "site.yml:1:1"


def test_bom_and_crlf_are_harmless(tmp_path: Path) -> None:
    """A file from Windows loads with the right positions."""
    path = tmp_path / "w.yml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n  - x\r\n")

    document = read_yaml(path)

    assert document.value == {"a": 1, "b": ["x"]}
    assert (document.mark(("b", 0)).line, document.mark(("b", 0)).column) == (3, 5)


@pytest.mark.parametrize(
    ("text", "kind", "place", "part"),
    [
        ("a: 1\nb: 2\na: 3\n", "input/duplicate-key", "3:1", "lines 1 and 3"),
        ("a: {b: 1, b: 2}", "input/duplicate-key", "1:11", "`b`"),
        ("yes: 1\ntrue: 2", "input/duplicate-key", "2:1", "twice"),
        ("x: &x {}\na:\n  <<: *x\n  <<: *x\n", "input/duplicate-key", "4:3", "`<<`"),
        ("a: {{ b }}\n", "input/unquoted-template", "1:4", "quotes"),
        ("a: {{ b }}/c\n", "input/yaml-syntax", "1:11", "not valid YAML"),
        ("a:\n\tb: 1\n", "input/yaml-syntax", "2:1", "not valid YAML"),
        ("a: b: c\n", "input/yaml-syntax", "1:5", "not valid YAML"),
        ("a: [1\n", "input/yaml-syntax", "2:1", "not valid YAML"),
        ("a: !!python/object/apply:os.system ['id']", "input/yaml-tag", "1:4", "!!python"),
        ("a: !custom b", "input/yaml-tag", "1:4", "!custom"),
        ("a: !!set {b}", "input/yaml-tag", "1:4", "!!set"),
        ("a: !vault |\n  $ANSIBLE_VAULT;1.1\n", "input/vault-format", "1:4", "header"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "input/vault-format", "1:1", "encrypted"),
        ("a: *b\n", "input/yaml-alias", "1:4", "no anchor"),
        ("a: &a [*a]\n", "input/yaml-alias", "1:8", "inside its own anchor"),
        ("? [1]\n: 2\n", "input/yaml-key", "1:3", "sequence"),
        ("a:\n  <<: 3\n", "input/yaml-merge", "2:7", "<<"),
        ("a: !!int x\n", "input/yaml-value", "1:4", "`x`"),
        ("a: !!binary '='\n", "input/yaml-value", "1:4", "base64"),
        ("a: !!float " + "9" * 400 + "\n", "input/yaml-value", "1:4", "not a YAML float"),
        ("a: b\x07\n", "input/encoding", "1:5", "U+0007"),
        ("[" * 100_000, "input/yaml-depth", "1:65", "64 levels"),
    ],
)
def test_bad_yaml_is_an_error_at_its_place(text: str, kind: str, place: str, part: str) -> None:
    """Every mistake has its own kind, its line and column, and a clear message."""
    problem = problem_of(text)

    assert (kind, f"site.yml:{place}") == (problem.kind, str(problem.mark))
    assert part in problem.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:\n\tb: 1\n", "tab"),
        ("a: {{ b }}/c\n", "quotes"),
        ("a: b: c\n", "colon"),
        ("a: @x\n", "quotes"),
        ("a: 'b\n", "indentation"),
        ("a: {{ b }}\n", '"{{ ... }}"'),
    ],
)
def test_the_hint_names_the_usual_cause(text: str, hint: str) -> None:
    """Syntax errors say what to do."""
    assert hint in problem_of(text).hint


def test_all_duplicate_keys_are_reported_at_once() -> None:
    """Problems that need no guess about the rest of the file are collected."""
    with pytest.raises(InputError) as caught:
        value_of("a: 1\na: 2\nb: {c: 1, c: 2}\nd: !x 1\n")

    kinds = ["input/duplicate-key", "input/duplicate-key", "input/yaml-tag"]
    assert kinds == [problem.kind for problem in caught.value.problems]


def test_alias_bombs_are_refused() -> None:
    """Ten levels of ten aliases do not expand."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"]
    for letter, before in zip("bcdefghijk", "abcdefghij", strict=True):
        lines.append(f"{letter}: &{letter} [{','.join(['*' + before] * 10)}]")

    assert problem_of("\n".join(lines)).kind == "input/yaml-budget"


def test_merge_bombs_are_refused() -> None:
    """Merged mappings count as the nodes that they copy."""
    lines = ["a: &a {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}"]
    lines += [f"m{i}: {{<<: *a}}" for i in range(1000)]

    assert problem_of("\n".join(lines)).kind == "input/yaml-budget"


def test_aliases_cannot_nest_deeper_than_the_limit() -> None:
    """A chain of aliases counts as the depth that it expands to."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100)]

    assert problem_of("\n".join(lines)).kind == "input/yaml-depth"


def test_repeated_long_text_counts_against_the_budget() -> None:
    """Aliases of a large text cannot multiply it without limit."""
    text = "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 4000) + "]\n"

    assert problem_of(text).kind == "input/yaml-budget"


def test_large_files_are_refused_before_parsing(tmp_path: Path) -> None:
    """Only the first bytes beyond the limit are ever read."""
    path = tmp_path / "big.yml"
    with path.open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(InputError, match="larger than 16 MiB"):
        read_yaml(path)


def test_missing_files_and_folders_are_input_errors(tmp_path: Path) -> None:
    """What cannot be read is said without a traceback."""
    with pytest.raises(InputError, match="there is no file") as missing:
        read_yaml(tmp_path / "nope.yml")
    with pytest.raises(InputError, match="cannot read"):
        read_yaml(tmp_path)

    assert missing.value.kind == "input/missing-file"


def test_bytes_that_are_not_utf8_are_located(tmp_path: Path) -> None:
    """The first bad byte has its line and column."""
    path = tmp_path / "latin.yml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")

    with pytest.raises(InputError) as caught:
        read_yaml(path)

    assert (caught.value.problems[0].mark.line, caught.value.problems[0].mark.column) == (2, 7)


def test_the_pure_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libyaml the values are the same."""
    text = "a: &a {x: '{{ y }}', n: 0644}\nb: [*a]\nc: |\n  text\n"
    expected = value_of(text)

    monkeypatch.setattr(yamlfile, "_LOADER", yaml.SafeLoader)

    assert expected == value_of(text)
    assert problem_of("a: b: c").kind == "input/yaml-syntax"


YAML_PIECES = st.lists(
    st.sampled_from([
        "a", "b", ": ", ":", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "!",
        "!!",
        "!!int ", "!vault ", "|\n", ">-\n", "'", '"', "\\", "# ", "%YAML 1.1\n", "---\n", "...\n",
        "<<: ", "? ", "~", "{{ ", " }}", "0", "1.5", "\u2028", "\ufeff", "\x85", "\U0001f600", "\r",
        "!!binary ", "!unsafe ", "!!float ", "9" * 5000, "1e999", "0x", "-.inf", "é",
    ]),
    max_size=40,
).map("".join)


@settings(max_examples=400, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.one_of(st.binary(max_size=400), YAML_PIECES.map(str.encode)))
def test_any_bytes_give_a_value_or_an_input_error(content: bytes) -> None:
    """Whatever a file holds, nothing but InputError comes out, with a mark."""
    try:
        document = yamlfile.YamlDocument("f.yml", content, trusted=True)
    except InputError as exc:
        marks = [problem.mark for problem in exc.problems]
    else:
        marks = [document.mark(("a", 0))]

    assert None not in marks


@settings(max_examples=300, deadline=5000)
@given(
    text=st.text(
        alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30
    )
)
def test_quoted_text_comes_back_as_it_was(text: str) -> None:
    """Any printable text in single quotes is read back unchanged."""
    clean = "".join(char for char in text if char not in "\u2028\u2029\x85\ufeff\ufffe\uffff")

    assert [clean] == value_of("- '" + clean.replace("'", "''") + "'\n")


@settings(max_examples=300, deadline=5000)
@given(plain=st.from_regex(r"[-+0-9._xbeEinfaINF]{1,12}", fullmatch=True))
def test_plain_scalars_agree_with_pyyaml(plain: str) -> None:
    """Numbers are what PyYAML makes of them, base 60 and dates aside."""
    try:
        expected = yaml.safe_load(f"- {plain}")
    except (yaml.YAMLError, ValueError):
        return
    if type(expected) not in {int, float, str} and not isinstance(expected, list):
        return

    assert repr(expected) == repr(value_of(f"- {plain}"))
