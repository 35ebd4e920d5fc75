"""Words behind hashes are remembered for two generations."""

from __future__ import annotations

import numpy as np
import polars as pl

from credwatch.detect.windows.names import Names


def hashes(*numbers: int) -> np.ndarray:
    """Build hashes."""
    return np.array(numbers, np.uint64)


def remember(names: Names, words: list[str | None], *numbers: int) -> None:
    """Remember words, all but the first of a column."""
    names.remember(pl.Series(["none of them", *words]), hashes(99, *numbers), np.arange(1, len(words) + 1))


def test_words_are_remembered_once_and_handed_out_once() -> None:
    """A known word and an absent one are not new."""
    names = Names()
    remember(names, ["an", None, "binh", "an"], 5, 0, 3, 5)
    assert {5: "an", 3: "binh"} == names.of(hashes(3, 5, 7, 0))
    first = names.take_new()
    remember(names, ["an"], 5)
    assert (True, b"") == (bool(first), names.take_new())


def test_two_turns_forget() -> None:
    """A word that is not seen any more is known for one turn; one that is seen again stays."""
    names = Names()
    remember(names, ["an", "binh"], 1, 2)
    names.turn()
    remember(names, ["binh"], 2)
    assert {1: "an", 2: "binh"} == names.of(hashes(1, 2))
    names.turn()
    assert {2: "binh"} == names.of(hashes(1, 2))


def test_a_restored_memory_is_the_same() -> None:
    """What was handed out, given back in order, knows the same words of the same generations."""
    names, stored = Names(), []
    for number in range(6):
        remember(names, [f"user{number}"], number + 1)
        stored.append((names.generation, names.take_new()))
        if number == 3:
            names.turn()
    restored = Names()
    for generation, data in stored:
        restored.restore(generation, data)
    asked = hashes(*range(1, 7))
    assert names.of(asked) == restored.of(asked)
    names.turn()
    restored.turn()
    assert {5: "user4", 6: "user5"} == names.of(asked) == restored.of(asked)
