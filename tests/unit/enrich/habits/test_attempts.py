"""Holds the enricher to counting login attempts, not lines."""

from __future__ import annotations

import numpy as np
import pytest

from credwatch.enrich.habits import attempts
from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from unit.enrich.known_world import a_frame, a_line, an_event

ANNOUNCE, RESULT, ECHO = a_line("announce"), a_line("result"), a_line("echo")

CASES = [
    ([RESULT, RESULT], [True, True]),
    ([a_line("result", "success")], [True]),
    ([ECHO, a_line(None)], [False, False]),
    ([ANNOUNCE], [True]),
    ([ANNOUNCE, RESULT], [True, False]),
    ([ANNOUNCE, ECHO, RESULT, RESULT], [True, False, False, True]),
    ([ANNOUNCE, a_line("result", "success"), RESULT], [True, True, False]),
    ([ANNOUNCE, ANNOUNCE, RESULT, RESULT], [True, True, False, True]),
    ([RESULT, ANNOUNCE], [True, True]),
    ([ANNOUNCE, a_line("result", seconds=600)], [True, False]),
    ([ANNOUNCE, a_line("result", seconds=600.000001)], [True, True]),
    ([ANNOUNCE, a_line("result", seconds=-5)], [True, False]),
    *(
        ([ANNOUNCE, a_line("result", **{field: value})], [True, True])
        for field, value in (
            ("host__name", "web2"),
            ("process__name", "login"),
            ("process__pid", 812),
            ("process__pid", None),
            ("source__ip", "203.0.113.10"),
        )
    ),
    ([a_line("announce", process__pid=None), a_line("result", process__pid=None)], [True, False]),
]


@pytest.mark.parametrize(("lines", "expected"), CASES)
def test_each_attempt_counts_once(lines: list[dict[str, object]], expected: list[bool]) -> None:
    """An announcement and the first failure behind it are one attempt; everything else is told by its role."""
    frame, _ = mark_attempts(a_frame(*lines), AttemptPairing())
    assert frame["credwatch.attempt"].to_list() == expected


def test_events_without_roles_are_no_attempts() -> None:
    """A batch may lack the column, or have no rows."""
    for events in (a_frame(an_event()), a_frame(an_event()).clear(), a_frame(ANNOUNCE).clear()):
        frame, after = mark_attempts(events, AttemptPairing())
        assert frame["credwatch.attempt"].to_list() == [False] * events.height
        assert after.count == 0


def test_lines_that_name_no_place_are_paired_with_each_other() -> None:
    """A batch may lack all columns that tell attempts apart."""
    bare = [
        an_event(credwatch__attempt__role=role, event__outcome="failure") for role in ("announce", "result", "result")
    ]
    frame, _ = mark_attempts(a_frame(*bare), AttemptPairing())
    assert frame["credwatch.attempt"].to_list() == [True, False, True]


def test_too_many_lines_between_end_the_pairing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is carried is bounded by lines, also where the stamps stand still."""
    monkeypatch.setattr(attempts, "WITHIN_LINES", 3)
    other = a_line("result", source__ip="198.51.100.1")
    for between, counts in ((2, False), (3, True)):
        frame, _ = mark_attempts(a_frame(ANNOUNCE, *[other] * between, RESULT), AttemptPairing())
        assert frame["credwatch.attempt"].to_list()[-1] is counts
    _, after = mark_attempts(a_frame(ANNOUNCE, *[other] * 3), AttemptPairing())
    assert len(after.keys) == 0


def test_a_pairing_of_another_version_is_empty() -> None:
    """Bytes that this version did not write are dropped, not misread."""
    _, pairing = mark_attempts(a_frame(ANNOUNCE), AttemptPairing())
    assert np.array_equal(AttemptPairing.from_bytes(pairing.to_bytes()).keys, pairing.keys)
    assert len(AttemptPairing.from_bytes(b"attempts 0\n" + pairing.to_bytes()).keys) == 0
    assert AttemptPairing.from_bytes(b"").count == 0
