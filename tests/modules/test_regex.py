"""regex.awk finds what Python's `re` finds, in every awk there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetrun.loading.modules import modules_folder

AWKS = [
    words for words in (["mawk"], ["busybox", "awk"], ["gawk"], ["original-awk"])
    if shutil.which(words[0])
]
#: Reads "pattern, text" pairs, one per line; \t and \n stand as themselves in
#: the pattern's escapes. Prints position, length and the groups.
DRIVER = r"""
{ pattern = $0; getline text
  GMAX = 0
  start = compile(pattern); GMAX = G
  at = search(start, text "\n")
  out = at ? at "," (EOM - at) : "none"
  for (g = 1; at && g <= GMAX; g++)
    out = out "," (CAP[2 * g + 1] ? CAP[2 * g] ":" CAP[2 * g + 1] : "-")
  print out
}
"""
TEXTS = [
    "", "a", "foo=bar", "#PermitRootLogin yes", "  indented\ttab ", "aaa bbb aaa", "x.y.z",
    "a\\b", "[section]", "key = value # comment", "192.168.1.10 host host.local", "foobar_baz-9",
    "(paren)", "a{2}", "ab\r", "net.ipv4.ip_forward=0", 'GRUB="quiet splash"', "^caret$",
]
PATTERNS = [
    r"a", r"^a", r"a$", r"^$", r".", r"^.*$", r"a*", r"a+?", r"a{2}", r"a{2,}", r"a{,2}b?",
    r"a{1,2}?",
    r"^#?PermitRootLogin\b", r"^\s*key\s*=", r"\bfoo\b", r"\Boo", r"^(.*)=(.*)$", r"(a|b)+",
    r"(?:ab|a)b?",
    r"^\[section\]", r"[^a-z]+", r"[\w.-]+@?", r"[]x]", r"[^]x]+", r"[a\-z]",
    r"\d{1,3}(\.\d{1,3}){3}",
    r"(\w+)\s+\1", r"^(?!#)\w", r"\w+(?= host)", r"(?i)permitROOTlogin", r"x\.y", r"\Aa", r"a\Z",
    r"\(paren\)", r"a\{2\}", r"a{x", r"{", r"(?P<k>\w+)=(?P<v>\w*)", r"(a*)*b", r"(a|b|)*c",
    r"(|a)+",
    r"[\d\s]+", r"\S+$", r"\t", r"\x41|\x61", r"a\\b", r"$", r"\W", r"\D+", r"(x(y)?)?\.?(z)?",
    r"^GRUB=\"((?:(?!ro).)*?)\"$", r"\^caret\$", r"a.?\r?$", r"[[:alpha:]]", r"()", r"(a)|(b)",
    r"\s", r"(?<=foo)bar", r"(?<!a)b", r"(?<=a|x)\W", r"(?i)(?<=GR)ub", r"(?s)b.*\n", r"(?m)^\d+",
]


def run_awk(
    awk: Sequence[str], pairs: Sequence[tuple[str, str]], driver: str = DRIVER
) -> list[str]:
    """What the engine says of each pair."""
    text = "".join(f"{pattern}\n{value}\n" for pattern, value in pairs)
    program = (modules_folder() / "lib" / "regex.awk").read_text() + "function fatal(t) { print t }"
    program = program.replace('function fatal(text) { print "!" text; exit }', "")
    done = subprocess.run(
        [*awk, program + driver], input=text.encode("latin-1"), capture_output=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, timeout=60, check=True,
    )
    return done.stdout.decode("latin-1").splitlines()


def expected(pattern: str, text: str) -> str:
    """What Python says, in the driver's form."""
    found = re.search(pattern.encode("latin-1"), text.encode("latin-1") + b"\n")
    if found is None:
        return "none"
    groups = [
        "-" if found.start(group) < 0 else f"{found.start(group) + 1}:{found.end(group) + 1}"
        for group in range(1, found.re.groups + 1)
    ]
    return ",".join([str(found.start() + 1), str(found.end() - found.start()), *groups])


@pytest.mark.parametrize("awk", AWKS, ids=lambda words: words[0])
@pytest.mark.filterwarnings("ignore:Possible nested set")
def test_finds_what_python_finds(awk: Sequence[str]) -> None:
    """Position, length and groups of the match are Python's."""
    pairs = [(pattern, text) for pattern in PATTERNS for text in TEXTS]
    answers = run_awk(awk, pairs)
    wrong = [
        (pair, expected(*pair), answer)
        for pair, answer in zip(pairs, answers, strict=True)
        if expected(*pair) != answer
    ]
    assert [] == wrong


ATOMS = st.sampled_from(
    ["a", "b", ".", r"\w", r"\d", "[ab]", "[^a]", r"\b", "^", "$", "(a)", "(?:ab)", "(a|b)", "(b*)"]
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "*?", "+?", "??"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Patterns over a small alphabet, so that matches are likely."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        atom = draw(ATOMS)
        parts.append(atom if atom in {"^", "$", r"\b"} else atom + draw(QUANTIFIERS))
        if draw(st.integers(0, 7)) == 0:
            parts.append("|")
    return "".join(parts)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(patterns(), st.text("abc 1", max_size=8)), min_size=20, max_size=40))
def test_agrees_with_python_on_any_pattern(pairs: list[tuple[str, str]]) -> None:
    """Generated patterns match where Python's do, groups included."""
    answers = run_awk(AWKS[0], pairs)
    for pair, answer in zip(pairs, answers, strict=True):
        assert expected(*pair) == answer, pair


#: As DRIVER, over UTF-8 with ^ and $ at each line; "|" in a text stands for a newline.
LINES_DRIVER = r"""
BEGIN { UTF = MULTI = 1 }
{ pattern = $0; getline text
  gsub(/[|]/, "\n", text)
  GMAX = 0
  start = compile(pattern); GMAX = G
  at = search(start, text)
  print at ? at "," (EOM - at) : "none"
}
"""
LETTERS = st.sampled_from([
    "a", "é", ".", r"\w", "[éa]", "[^a]", "[\u0431-\u044f]", r"\b", "^", "$", "(?<=é)",
    "(?<!a)", "(é|a)", r"[\d☃]", "☃", r"\W",
])


@pytest.mark.parametrize("awk", AWKS, ids=lambda words: words[0])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(
    st.lists(st.tuples(LETTERS, QUANTIFIERS), min_size=1, max_size=5),
    st.text("aéжb|", max_size=9),
), min_size=10, max_size=20))
def test_agrees_with_python_on_text(awk: Sequence[str], drawn) -> None:
    """In UTF-8 and line mode a match begins and ends at characters, where Python's does."""
    pairs = [
        ("".join(atom + ("" if (atom[0] in "^$\\" and atom[-1] in "^$b") or "?<" in atom else many)
                 for atom, many in parts), text)
        for parts, text in drawn
    ]
    wanted = []
    for pattern, written in pairs:
        text = written.replace("|", "\n")
        found = re.search(pattern, text, re.MULTILINE)
        wanted.append("none" if found is None else ",".join((
            str(len(text[:found.start()].encode()) + 1), str(len(found.group().encode())),
        )))
    answers = run_awk(awk, [(as_bytes(a), as_bytes(b)) for a, b in pairs], LINES_DRIVER)
    assert list(zip(pairs, wanted, strict=True)) == list(zip(pairs, answers, strict=True))


def as_bytes(text: str) -> str:
    """Text whose characters are the bytes of `text` in UTF-8."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?<=a*)b", "look-behind requires a fixed width"), ("(?x)a", "(?x is not supported"),
        ("a(?i)b", "(?i is not supported"),
        ("a)", "a ( is missing"), ("(a", "a ) is missing"), ("[a", "a ] is missing"),
        ("*a", "nothing to repeat"), ("a**", "nothing to repeat"), ("a++", "possessive"),
        (r"\p{L}", r"\p is not supported"), (r"\1(a)", "no group 1"),
        ("a\\", "ends with a backslash"),
        ("[z-a]", "bad range"), ("a{3,2}", "most is below its least"),
        ("(?(1)a)", "(?( is not supported"),
    ],
)
def test_refuses_what_it_cannot_do(pattern: str, reason: str, make_device) -> None:
    """An expression that would match something else is an error, and nothing is changed."""
    device = make_device("dash")
    (device.root / "f").write_text("a\n")
    reply = device.module("lineinfile", path="f", regexp=pattern, line="x")
    assert reason in reply.values["msg"]
    assert "a\n" == (device.root / "f").read_text()


def test_gives_up_on_an_endless_search(make_device) -> None:
    """A pattern that takes exponential time fails instead of hanging the device."""
    device = make_device("dash")
    (device.root / "f").write_text("a" * 40 + "!\n")
    reply = device.module("lineinfile", path="f", regexp="(a|a)*$", line="x")
    assert "takes too long" in reply.values["msg"]
