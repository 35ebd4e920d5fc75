"""Words behind hashes are remembered for two generations."""

from __future__ import annotations

import numpy as np
import polars as pl

from credwatch.detect.names import Names


def hashes(*numbers: int) -> np.ndarray:
    """Build hashes."""
    return np.array(numbers, np.uint64)


def test_words_are_remembered_once_and_handed_out_once() -> None:
    """A known word and an absent one are not new."""
    names = Names()
    names.remember(pl.Series(["an", None, "binh", "an"]), hashes(5, 0, 3, 5))
    assert {5: "an", 3: "binh"} == names.of(hashes(3, 5, 7, 0))
    first = names.take_new()
    names.remember(pl.Series(["an"]), hashes(5))
    assert (True, b"") == (bool(first), names.take_new())


def test_two_turns_forget() -> None:
    """A word that is not seen any more is known for one turn; one that is seen again stays."""
    names = Names()
    names.remember(pl.Series(["an", "binh"]), hashes(1, 2))
    names.turn()
    names.remember(pl.Series(["binh"]), hashes(2))
    assert {1: "an", 2: "binh"} == names.of(hashes(1, 2))
    names.turn()
    assert {2: "binh"} == names.of(hashes(1, 2))


def test_a_restored_memory_is_the_same() -> None:
    """What was handed out, given back in order, knows the same words of the same generations."""
    names, stored = Names(), []
    for number in range(6):
        names.remember(pl.Series([f"user{number}"]), hashes(number + 1))
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
