"""The shapes of lines that nothing reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.authoring.shapes import shapes_of
from unit.authoring.unparsed import RECEIVED, kept, vault

VARYING = [
    ("denied 203.0.113.9 port 40022", "denied <address> port <number>"),
    ("denied 2001:db8::1 port 1", "denied <address> port <number>"),
    ("at 2026-03-02T08:00:00+07:00 closed", "at <time> closed"),
    ("at 08:00:00 closed", "at <time> closed"),
    ("denied user lan", "denied user <name>"),
    ('denied user "lan", bad key', 'denied user "<name>", bad key'),
    ("denied login=lan ip=203.0.113.9", "denied login=<value> ip=<address>"),
    ("mail to lan@haiau.example", "mail to <mail>"),
    ("session 6f1c2d3e-0000-4000-8000-00000000abcd over", "session <id> over"),
    ("read /home/lan/.ssh/id", "read <path>"),
    ("password=*** tried", "password=<secret> tried"),
    ("a <word> that is none", "a &lt;word> that is none"),
]


@pytest.mark.parametrize(("message", "shape"), VARYING)
def test_what_varies_is_a_placeholder(message: str, shape: str) -> None:
    """Addresses, times, numbers, ids, names, values, paths and masked secrets leave the shape."""
    assert [shape] == [found.text for found in shapes_of(vault(message))]


def test_lines_that_differ_in_one_word_are_of_one_shape() -> None:
    """Three words at one place are no wording; two may be, and the first word always is."""
    (joined,) = shapes_of(vault("seal of lan broken", "seal of minh broken", "seal of yen broken"))
    assert ("seal of <word> broken", 3) == (joined.text, len(joined.lines))
    assert 2 == len(shapes_of(vault("session opened", "session closed")))
    assert 3 == len(shapes_of(vault("opened it", "closed it", "lost it")))


def test_shapes_tell_programs_apart_and_the_most_frequent_comes_first() -> None:
    """What two programs say alike has two shapes, of which each says how often, where from, and from when to when."""
    lines = vault("down 1", "down 2") + kept("2026-03-02T08:00:00Z srv1 other: down 3", source="edge")
    first, second = shapes_of(lines)
    assert ("vaultd", 2, ("servers",)) == (first.program, len(first.lines), first.sources)
    assert ("other", 1, ("edge",)) == (second.program, len(second.lines), second.sources)
    assert RECEIVED < first.first < first.last
    assert first.id != second.id


def test_the_shape_of_an_object_is_its_keys_and_its_kind() -> None:
    """Objects of other people are alike; those of another kind are not."""
    lines = ['{"event": "login", "who": "lan"}', '{"event": "login", "who": "minh"}', '{"event": "logout", "who": "x"}']
    found = shapes_of(kept(*lines, reason="unknown_json"))
    assert ["{event=login, who}", "{event=logout, who}"] == [shape.text for shape in found]


@given(st.lists(st.text(max_size=200), max_size=12))
def test_every_line_is_of_one_shape(messages: list[str]) -> None:
    """Whatever lines hold, each is in exactly one shape, and none stops the others."""
    lines = vault(*(re.sub(r"[\n\r]", " ", message) for message in messages)) + kept(*messages)
    shapes = shapes_of(lines)
    assert len(lines) == sum(len(shape.lines) for shape in shapes)
    assert len(shapes) == len({shape.id for shape in shapes})
