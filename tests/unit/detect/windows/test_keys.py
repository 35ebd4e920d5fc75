"""Groups are numbers that the seed decides."""

from __future__ import annotations

import numpy as np
import polars as pl

from credwatch.detect.windows.keys import FieldHashes

EVENTS = pl.DataFrame({"user.name": ["an", "an", None, "binh"], "source.ip": ["::1", "::2", "::1", None]})
ROWS = np.arange(4)


def test_an_absent_value_is_zero() -> None:
    """Nulls and absent columns hash to 0, and nothing else does."""
    hashed = FieldHashes(EVENTS, seed=1)
    assert [False, False, True, False] == (hashed.of("user.name") == 0).tolist()
    assert [0, 0, 0, 0] == hashed.of("host.name").tolist()


def test_groups() -> None:
    """A group is its values in their order; one that lacks a value is none, unless absence counts as a value."""
    hashed = FieldHashes(EVENTS, seed=1)
    key = hashed.group(("user.name", "source.ip"), ROWS)
    assert [False, False, True, True] == (key == 0).tolist()
    assert key[0] != key[1]
    assert key[0] != hashed.group(("source.ip", "user.name"), ROWS)[0]
    whole = hashed.group_with_empty(("user.name", "source.ip"), ROWS)
    assert 4 == len(set(whole.tolist()) - {0})


def test_the_seed_decides() -> None:
    """The same seed gives the same numbers, another one others."""
    assert FieldHashes(EVENTS, 1).of("user.name").tolist() == FieldHashes(EVENTS, 1).of("user.name").tolist()
    assert FieldHashes(EVENTS, 1).of("user.name")[0] != FieldHashes(EVENTS, 2).of("user.name")[0]
