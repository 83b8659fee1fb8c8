"""Filters and tests: the same results as ansible-core 2.19, and what differs on purpose.

golden/ansible_2_19.json holds expressions with the results that ansible-core
2.19.14 gave for them; ansible itself is not needed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleetrun.errors import TemplateError
from fleetrun.model.values import Expression, TemplateText
from fleetrun.planning.filters.sha_crypt import sha_crypt
from fleetrun.planning.scope import Scope
from fleetrun.planning.templates import Templater

GOLDEN = json.loads(
    (Path(__file__).parent / "golden" / "ansible_2_19.json").read_text(encoding="utf-8")
)
NUMBERS = range(len(GOLDEN))


def dump(value: Any, **options: Any) -> str:
    """Writes YAML, as the loader's library does."""
    return yaml.dump(value, Dumper=yaml.CSafeDumper, allow_unicode=True, **options)


TEMPLATER = Templater(yaml_dump=dump, yaml_load=yaml.safe_load)


def raw(value: Any) -> Any:
    """Makes the operator's templates of all texts with braces, as the loader does."""
    if isinstance(value, str):
        return TemplateText(value) if "{{" in value or "{%" in value else value
    if isinstance(value, dict):
        return {key: raw(item) for key, item in value.items()}
    return [raw(item) for item in value] if isinstance(value, list) else value


def result_of(text: str, variables: dict[str, Any], *, is_condition: bool) -> Any:
    """The value, or the error's kind with a mark that no value has."""
    scope = Scope([raw(variables)])
    try:
        if is_condition:
            return TEMPLATER.evaluate(Expression(text), scope)
        return TEMPLATER.render(TemplateText(text), scope)
    except TemplateError as error:
        return ("error", error.kind)


def render(expression: str, **variables: Any) -> Any:
    """Value of one expression."""
    return TEMPLATER.render(TemplateText("{{ " + expression + " }}"), Scope([raw(variables)]))


@pytest.mark.parametrize("number", NUMBERS)
def test_results_are_those_of_ansible(number: int) -> None:
    """Every recorded expression gives the same value of the same type."""
    group = GOLDEN[number]
    differences = {}
    for text, expected in group["values"]:
        actual = result_of(text, group["vars"], is_condition=group["condition"])
        if actual != expected or type(actual) is not type(expected):
            differences[text] = (expected, actual)
    assert differences == {}


@pytest.mark.parametrize("number", NUMBERS)
def test_errors_are_where_ansible_has_them(number: int) -> None:
    """What Ansible refuses is refused, with a TemplateError."""
    group = GOLDEN[number]
    accepted = {}
    for text in group["errors"]:
        actual = result_of(text, group["vars"], is_condition=group["condition"])
        if not (isinstance(actual, tuple) and actual[0] == "error"):
            accepted[text] = actual
    assert accepted == {}


def test_the_recording_is_whole() -> None:
    """Nobody emptied the recording."""
    count = sum(len(group["values"]) + len(group["errors"]) for group in GOLDEN)
    assert count > 650


@pytest.mark.parametrize(("password", "hashtype", "salt", "rounds", "expected"), [
    ("pw", "sha512", "saltsalt", None,
     "$6$saltsalt$pauPrmdmG4BTE9h2HPmywiw152IFch6BJCEsaY6D.PLTfpV8sqvXwWdyfsgVgozkYH9B80bAip"
     "/08R2BPH2xk/"),
    ("pw", "sha512", "saltsalt", 10000,
     "$6$rounds=10000$saltsalt$PCkl82bcVNZUyS5el2MR9Coq8KSFAH2TLAV2NKcVGH1Dq51jMRJNvf2NrUOE"
     "/Sv9WOINUlZWqywN9lCRzMZF.1"),
    ("pw", "sha256", "saltsalt", None,
     "$5$saltsalt$0rl.MZtoLLPP3X0Rdl8riRnphIcAXJY27/aOAyK2hB5"),
    ("a very long password with more than sixty-four bytes in it so that it is long, really",
     "sha512", "abcdefghijklmnop", 1000,
     "$6$rounds=1000$abcdefghijklmnop$NEZohA46uB1BiDsR5Ur9pLPL9T4khpowBdHG3SMhczqEED.f86"
     "/NQuqvmrh4tv.sA2fPMBX5bGrDu3xph6nwv1"),
    ("\u00e9" * 40, "sha256", "abcdefghijklmnop", None,
     "$5$abcdefghijklmnop$fQBxUIAlehuq9rfA4agCoD7DeqB32/mjgFtb7pWZo01"),
])
def test_password_hashes_are_those_of_crypt(
    password: str, hashtype: str, salt: str, rounds: int | None, expected: str
) -> None:
    """Results of passlib and openssl passwd."""
    assert expected == sha_crypt(password, hashtype=hashtype, salt=salt, rounds=rounds)
    assert expected == render(
        "pw | password_hash(kind, salt, rounds=rounds)",
        pw=password, kind=hashtype, salt=salt, rounds=rounds,
    )


@pytest.mark.parametrize(("expression", "part"), [
    ("'pw' | password_hash", "needs a salt"),
    ("'pw' | password_hash('md5', 'salt')", "sha512 and sha256"),
    ("'pw' | password_hash('sha512', 'sp ace')", "a salt is"),
    ("'pw' | password_hash('sha512', 'salt', rounds=10)", "rounds is from"),
    ("'%Y' | strftime", "needs the seconds"),
    ("'%Y' | strftime(0, utc=false)", "UTC only"),
    ("'a' | relpath('/b')", "two absolute paths"),
    ("5 | path_join", "a text or a list"),
    ("'x' | regex_escape('nope')", "python and posix_basic"),
    ("{'a': 1} | subelements('a')", "is not a mapping"),
    ("[{'a': 1}] | subelements('a')", "must be a list"),
    ("5 | subelements('a')", "a list or mapping"),
    ("[{'a': 1}, {'a': 1}] | rekey_on_member('a')", "is there twice"),
    ("[{'a': 1}] | rekey_on_member('b')", "no key 'b'"),
    ("[] | rekey_on_member('b', duplicates='x')", "error or overwrite"),
    ("'a' | items2dict", "needs a list"),
    ("range(1500) | product(range(1500))", "are allowed"),
    ("range(15) | permutations", "are allowed"),
    ("range(50) | combinations(25)", "are allowed"),
    ("'abc' | random(start=1)", "are for numbers"),
    ("'x' | human_to_bytes", "cannot read"),
    ("'x' is version('1', strict=true, version_type='loose')", "not both"),
    ("'x' is version('1', version_type='pep441')", "unknown version_type"),
    ("'x' is version('1', version_type='pep440')", "invalid version of PEP 440"),
    ("'1' is version('1', version_type='semver')", "invalid semantic version"),
    ("'x' is regex('x', match_type='nope')", "match_type is one of"),
    ("query('sequence', 'start=1')", "needs an end or a count"),
    ("query('sequence', '!')", "cannot read"),
])
def test_wrong_arguments_get_a_clear_error(expression: str, part: str) -> None:
    """The error says what the filter, test or lookup wants."""
    with pytest.raises(TemplateError) as caught:
        render(expression)
    assert part in caught.value.message


@pytest.mark.parametrize(("expression", "expected"), [
    ("['b', 'a'] | union(['a', 'c'])", ["b", "a", "c"]),
    ("[[1], [1], [2]] | intersect([[1]])", [[1]]),
    ("[1, [2]] | difference([1])", [[2]]),
    ("[{'n': 'A', 'x': 1}, {'n': 'a', 'x': 2}] | unique(attribute='n')", [{"n": "A", "x": 1}]),
    ("[[1, 2], [1, 3]] | unique(attribute='0')", [[1, 2]]),
    ("{'x': {'a': 1}} | rekey_on_member('a')", {1: {"a": 1}}),
    ("{'x': {'l': [7]}} | subelements('l')", [[{"l": [7]}, 7]]),
    ("['/a', 'b', 'c'] | path_join", "/a/b/c"),
    ("('2016-08-14 20:00:12' | to_datetime)", "2016-08-14 20:00:12"),
    ("'%Y-%m-%d %H:%M' | strftime(86400)", "1970-01-02 00:00"),
    ("'1.5 gigabytes' | human_to_bytes", 1610612736),
    ("'3 bits' | human_to_bytes(isbits=true)", 3),
    ("'%s' | format(['a'])", "['a']"),
    ("query('sequence', '3-1/-1')", ["3", "2", "1"]),
    ("query('sequence', start=2, end=6, stride=2, format='n%02d')", ["n02", "n04", "n06"]),
    ("query('sequence', '0x0f-0x11:%x')", ["f", "10", "11"]),
    ("query('sequence', 'count=0')", []),
    ("query('sequence', 'end=3 stride=0')", []),
    ("query('nested', ['a', 'b'], [1])", [["a", 1], ["b", 1]]),
    ("query('together', [1, 2], [3])", [[1, 3], [2, None]]),
    ("query('flattened', [1, [2]], 3)", [1, 2, 3]),
    ("query('indexed_items', ['a'])", [[0, "a"]]),
    ("query('subelements', [{'l': [1]}], 'l')", [[{}, 1]]),
    ("query('list', [1], 2)", [[1], 2]),
    ("lookup('list', 'a', 'b')", "a,b"),
    ("lookup('list', 'a', 'b', wantlist=true)", ["a", "b"]),
    ("lookup('env', 'NOPE', default='d')", "d"),
    ("lookup('ansible.builtin.items', [1, 2])", [1, 2]),
    ("{} | to_json", "{}"),
    ("[('a', 1)] | to_json", '[["a", 1]]'),
    ("{'a': 1}.keys() | to_json", '["a"]'),
    ("('2016-08-14 20:00:12' | to_datetime) | to_json", '"2016-08-14T20:00:12"'),
    ("{'changed': 'x', 'results': []} is changed", True),
    ("{'results': [{'changed': false}, {}]} is changed", False),
    ("{'timedout': {}} is timedout", False),
    ("{'timedout': true} is timedout", True),
    ("{} is started and {} is finished", True),
    ("5 is truthy(convert_bool=true) and [] is falsy(convert_bool=true)", True),
    ("'http://[' is uri", False),
    ("'mailto:x' is url", False),
    ("'http://x' is url(schemes=['https'])", False),
    ("'1.0.0-a' is version('1.0.0-1', '>', version_type='semantic')", True),
    ("'1.2a1' is version('1.2', '<', strict=true)", True),
])
def test_more_results(expression: str, expected: Any) -> None:
    """Corners that the recording has not."""
    assert expected == render(expression)


def test_bytes_become_text_where_text_is_made() -> None:
    """Bytes that are no text are kept, escaped."""
    content = b"a\xff"
    scope = Scope([{"content": content}])
    text = TemplateText("{{ content | to_json }} {{ content | b64encode }}")
    assert TEMPLATER.render(text, scope) == '"a\\udcff" Yf8='


def test_an_undefined_value_inside_a_list_does_not_reach_a_text() -> None:
    """A list with a hole in it is an error, also as JSON, YAML and text."""
    for template in ("{{ [nope] | to_json }}", "{{ [nope] | to_yaml }}", "x {{ [nope] }}",
                     "{{ [nope] }}", "{{ {'a': {'b': nope}} }}", "{{ [nope] | string }}x"):
        assert result_of(template, {}, is_condition=False) == ("error", "template/undefined")
