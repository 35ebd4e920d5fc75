"""Hints that say what a key means."""

from __future__ import annotations

import pytest

from credwatch.kernel.errors import ProblemsFound
from credwatch.kernel.options import Options, read_toml, validated


class Door(Options):
    """A table."""

    width: int = 1
    """How wide it is;
    in metres."""
    height: int = 2


class Gate(Door):
    """A table that has the keys of another."""

    bars: int = 3
    """How many."""


class House(Options):
    """A table of tables."""

    doors: tuple[Gate, ...] = ()
    """What one enters by."""


HINTS = [
    ({"doors": [{"bars": "x"}]}, "what the key means: How many."),
    ({"doors": [{"width": "x"}]}, "what the key means: How wide it is;\nin metres."),
    ({"doors": [{"height": "x"}]}, "what the key means: What one enters by."),
    ({"doors": 1}, "what the key means: What one enters by."),
]


@pytest.mark.parametrize(("raw", "hint"), HINTS)
def test_a_wrong_value_is_told_what_its_key_means(raw: dict[str, object], hint: str) -> None:
    """The hint is the sentence under the key, also an inherited one; a key without one has that of its table."""
    with pytest.raises(ProblemsFound) as found:
        validated(raw, House, where="house.toml")
    assert [hint] == [problem.hint for problem in found.value.problems]


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Some editors begin a file with one, which nobody sees."""
    assert Door() == read_toml("\ufeff# a door\n", Door, where="door.toml")


def test_a_key_without_a_name_is_told_like_any_other() -> None:
    """An empty key is an unknown key, and not taken for the table that it stands in."""
    with pytest.raises(ProblemsFound, match="unknown key ''"):
        validated({"": 1}, Door, where="a.toml")
