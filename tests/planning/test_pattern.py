"""Patterns taken apart into terms."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetrun.errors import UsageError
from fleetrun.planning.pattern import split_pattern

NAMES = {"web", "db", "aa:bb:cc:dd:ee:ff", "us:east", "7"}


def terms_of(pattern: str) -> list[str]:
    """Terms with their signs."""
    return [term.sign + term.text for term in split_pattern(pattern, NAMES.__contains__)]


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ("", []),
        (" , :,", []),
        ("web", ["web"]),
        ("web:db", ["web", "db"]),
        ("web,db", ["web", "db"]),
        ("web db", ["web", "db"]),
        ("web:&db:!x", ["web", "&db", "!x"]),
        ("web, !db ,& x ! y", ["web", "!db", "&x", "!y"]),
        ("web:db,x:y", ["web", "db", "x", "y"]),
        ("web[0:3]:db", ["web[0:3]", "db"]),
        ("web[0:3", ["web[0:3"]),
        ("aa:bb:cc:dd:ee:ff", ["aa:bb:cc:dd:ee:ff"]),
        ("web:!aa:bb:cc:dd:ee:ff:db", ["web", "!aa:bb:cc:dd:ee:ff", "db"]),
        ("us:east:web", ["us:east", "web"]),
        ("fe80::1", ["fe80::1"]),
        ("web:!fe80::1", ["web", "!fe80::1"]),
        ("::1,web", ["::1", "web"]),
        ("gw:22", ["gw:22"]),
        ("web:7", ["web", "7"]),
        ("~(?:a|b):db", ["~(?:a|b)", "db"]),
        ("~a{1,2},db", ["~a{1,2}", "db"]),
        ("!~[a:,]+:db", ["!~[a:,]+", "db"]),
        (r"~a\(b:db", [r"~a\(b", "db"]),
        ("~[)]:db", ["~[)]", "db"]),
        ("web:~(x:y)", ["web", "~(x:y)"]),
    ],
)
def test_splits_at_signs_that_separate(pattern: str, terms: list[str]) -> None:
    """Colons and commas inside names, ranges and expressions do not separate."""
    assert terms == terms_of(pattern)


@pytest.mark.parametrize("pattern", ["&", "web:!", "web:&:db", "!,web", "web & ,db"])
def test_a_sign_without_a_term_is_a_usage_error(pattern: str) -> None:
    """What an empty variable leaves must not change the meaning in silence."""
    with pytest.raises(UsageError) as caught:
        terms_of(pattern)
    assert caught.value.kind == "usage/pattern"


@settings(deadline=None)  # machines may be busy
@given(st.text(alphabet="ab:,!&~[](){}\\ 0129.", max_size=40))
def test_any_text_has_terms_without_empty_ones(pattern: str) -> None:
    """Whatever is typed, it ends, and no sign of the text is invented."""
    try:
        terms = split_pattern(pattern, NAMES.__contains__)
    except UsageError:
        return
    # The space behind a sign goes, also inside brackets that nobody closed.
    dense = pattern.replace(" ", "")
    assert all(term.text and term.text.replace(" ", "") in dense for term in terms)


def test_a_very_long_list_of_names_is_quick() -> None:
    """A file of a hundred thousand names becomes one pattern."""
    names = [f"device-{number:06d}" for number in range(100_000)]
    assert names == terms_of(",".join(names))
