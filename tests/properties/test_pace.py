"""Holds the pace of failures to a plain loop, however the lines fall into batches."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.enrich.habits import pace
from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.habits.pace import Paces, mark_pace
from unit.enrich.known_world import a_frame, a_line

FAILURE = st.tuples(
    st.sampled_from([0, 10, 60, 60, 60, 62, 300, 90_000]),
    st.sampled_from(["lan", "lan", "minh"]),
    st.sampled_from([None, "f1", "f1", "f2"]),
    st.sampled_from(["failure", "failure", "failure", "success"]),
)
Drawn = list[tuple[int, str, str | None, str]]


def _frame(drawn: Drawn) -> pl.DataFrame:
    seconds = accumulate(gap for gap, *_ in drawn)
    lines = [
        a_line("result", outcome, seconds=at, user__name=user, credwatch__auth__fingerprint=fingerprint)
        for at, (_, user, fingerprint, outcome) in zip(seconds, drawn, strict=True)
    ]
    events, _ = mark_attempts(a_frame(*lines), AttemptPairing())
    return events


def _marks(events: pl.DataFrame) -> list[tuple[Any, Any]]:
    names = ("credwatch.attempt.steady", "credwatch.attempt.repeated")
    absent = [pl.lit(None, pl.Boolean).alias(name) for name in names if name not in events.columns]
    return events.with_columns(absent).select(names).rows()


@settings(max_examples=60)
@given(drawn=st.lists(FAILURE, min_size=1, max_size=30), cuts=st.sets(st.integers(0, 30)), within=st.integers(1, 12))
def test_the_split_into_batches_does_not_matter(drawn: Drawn, cuts: set[int], within: int) -> None:
    """Any split, with what is carried written and read between batches, marks the same events as one batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "WITHIN", within)
        events = _frame(drawn)
        whole = _marks(mark_pace(events, Paces())[0])
        pairing, parts = AttemptPairing(), []
        edges = [0, *sorted(cut for cut in cuts if cut < events.height), events.height]
        for begin, end in pairwise(edges):
            carried = AttemptPairing.from_bytes(pairing.to_bytes()).paces
            part, paces = mark_pace(events.slice(begin, end - begin), carried)
            pairing = AttemptPairing(paces=paces)
            parts += _marks(part)
    assert whole == parts


@settings(max_examples=60)
@given(drawn=st.lists(FAILURE, min_size=1, max_size=30))
def test_marks_are_those_of_a_plain_loop(drawn: Drawn) -> None:
    """The fourth of a row with three like gaps is steady; a secret that failed within a day is known again."""
    failures: dict[str, list[int]] = defaultdict(list)
    secrets: dict[tuple[str, str], int] = {}
    expected = []
    for at, (_, user, fingerprint, outcome) in zip(accumulate(gap for gap, *_ in drawn), drawn, strict=True):
        steady = repeated = None
        if outcome == "failure":
            row = failures[user]
            row.append(at)
            gaps = [after - before for before, after in pairwise(row[-4:])]
            alike = len(gaps) == 3 and min(gaps) >= 20 and max(gaps) <= 6 * 3600
            steady = alike and max(gaps) - min(gaps) <= max(3, max(gaps) // 10)
            if fingerprint is not None:
                last = secrets.get((user, fingerprint))
                repeated = last is not None and at - last <= timedelta(days=1).total_seconds()
                secrets[user, fingerprint] = at
        expected.append((steady, repeated))
    assert expected == _marks(mark_pace(_frame(drawn), Paces())[0])
