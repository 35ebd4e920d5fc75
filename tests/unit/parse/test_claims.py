"""Texts are given to the packs whose words they hold, and to no others."""

from __future__ import annotations

import polars as pl
import pytest

from credwatch.parse.claims import held_claims

TEXTS = pl.Series(['{"kind":1}', '{"my_kind":1}', '{"a.kind":1,"log":2}', '{"x":"\\"kind\\""}', "[LOG] kind", None])


@pytest.mark.parametrize(
    ("claims", "held"),
    [
        (['"kind"'], [0]),
        (['kind"'], [0, 1, 2]),
        (['"kind"', '"log"'], [0, 2]),
        (['"kind"', '"kind"'], [0]),
        (["[LOG]"], [4]),
        (['"none"'], []),
        ([], []),
    ],
)
def test_claims(claims: list[str], held: list[int]) -> None:
    """A text holds a claim where that stands in it with its quotes, and a null holds none."""
    assert held == held_claims(TEXTS, ['"kind"', 'kind"', '"log"', "[LOG]", '"none"']).of(claims).arg_true().to_list()


def test_no_texts() -> None:
    """Of no texts none is marked, and without claims none of any."""
    assert [] == held_claims(pl.Series([], dtype=pl.String), ['"a"']).of(['"a"']).to_list()
    assert [False] == held_claims(pl.Series(["a"]), []).of(["a"]).to_list()
