"""What a detection counted is known: how many events, since when, and the lines that tell of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from credwatch.detect.windows import trail
from credwatch.kernel.detection import Detection
from credwatch.rules.model import CorrelationType
from unit.detect.watched import (
    AT,
    FAILED,
    SUCCEEDED,
    Kept,
    a_correlation,
    a_frame,
    a_rule,
    an_engine,
    an_event,
    rule_set,
)

BURST = a_correlation()
TAKEOVER = a_correlation("takeover", CorrelationType.TEMPORAL_ORDERED, ("burst", "succeeded"), seconds=600)
RULES = rule_set(FAILED, SUCCEEDED, BURST, TAKEOVER)
GUESSES = [an_event(at) for at in (0, 10, 20, 30)]
LOGIN = an_event(60, event__outcome="success")


def _read(events: Sequence[dict[str, Any]], first: int = 0) -> pl.DataFrame:
    """Make a frame of events that stand in a file, line after line, ten bytes each."""
    numbers = range(first, first + len(events))
    return a_frame(
        [{**event, "event.original": f"line {at}"} for at, event in zip(numbers, events, strict=True)]
    ).with_columns(
        pl.Series("position", [10 * at + 10 for at in numbers]),
        pl.lit("/var/log/auth.log").alias("file"),
        pl.lit("auth").alias("credwatch.source.id"),
    )


def _told(events: Sequence[dict[str, Any]], *, size: int, restart: bool = False) -> dict[str, Detection]:
    """Run events through an engine in batches of a size, and return its detections by rule."""
    engine, kept = an_engine(RULES), Kept()
    for first in range(0, len(events), size):
        kept.commit(engine.process(_read(events[first : first + size], first)))
        engine = kept.restarted(RULES) if restart else engine
    return {detection.rule_id: detection for detection in kept.detections.values()}


@pytest.mark.parametrize(("size", "restart"), [(9, False), (1, False), (1, True), (2, True)])
def test_a_takeover_has_the_guesses_and_the_login(size: int, restart: bool) -> None:
    """Every guess is counted and kept with its place, and the login stands behind them, however the lines come in."""
    takeover = _told([*GUESSES, LOGIN], size=size, restart=restart)["takeover"]
    assert (4, 5, AT) == (takeover.counted, takeover.events_in_all, takeover.counted_since)
    assert [f"line {at}" for at in range(5)] == [line.text for line in takeover.evidence]
    assert [10, 20, 30, 40, 50] == [line.position for line in takeover.evidence]
    assert {("auth", "/var/log/auth.log")} == {(line.source, line.file) for line in takeover.evidence}


@pytest.mark.parametrize("size", [1, 9])
def test_a_count_has_the_lines_counted(size: int) -> None:
    """A count keeps the events that completed it, and none behind them."""
    burst = _told(GUESSES, size=size)["burst"]
    assert (3, 3) == (burst.counted, burst.events_in_all)
    assert ["line 0", "line 1", "line 2"] == [line.text for line in burst.evidence]


def test_what_others_did_is_no_evidence() -> None:
    """Failures from another address, at the same moments, belong to another detection."""
    others = [an_event(at, source__ip="198.51.100.7") for at in (0, 10, 20)]
    events = [event for pair in zip(GUESSES, others, strict=False) for event in pair]
    burst = next(iter(_told(events, size=9).values()))
    assert 1 == len({line.text[-1] in "024" for line in burst.evidence})


def test_of_many_lines_the_first_and_the_last_are_kept() -> None:
    """Of fifty guesses nineteen lines and the login are kept, and the number says that there were more."""
    takeover = _told([*(an_event(at) for at in range(50)), LOGIN], size=7)["takeover"]
    assert (50, 51, 20) == (takeover.counted, takeover.events_in_all, len(takeover.evidence))
    assert [*(f"line {at}" for at in range(19)), "line 50"] == [line.text for line in takeover.evidence]


def test_lines_of_one_second_are_told_apart_by_their_place() -> None:
    """A log that stamps whole seconds has several lines of one moment: each is kept once."""
    burst = _told([an_event(0), an_event(0), an_event(0)], size=1)["burst"]
    assert [10, 20, 30] == [line.position for line in burst.evidence]


def test_what_is_forgotten_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail is too short for the lines, the count stands and says that they are missing."""
    monkeypatch.setattr(trail, "MOST", 2)
    monkeypatch.setattr(trail, "_RUNS", 1)
    takeover = _told([*GUESSES, LOGIN], size=1)["takeover"]
    assert (4, 5) == (takeover.counted, takeover.events_in_all)
    assert ["line 2", "line 3", "line 4"] == [line.text for line in takeover.evidence][-3:]
    assert "line 0" not in {line.text for line in takeover.evidence}


def test_a_rule_without_consequence_keeps_no_lines() -> None:
    """What opens no incident costs nothing in the trail."""
    engine = an_engine(rule_set(a_rule(alone=True)))
    found = engine.process(_read(GUESSES))
    assert [()] * len(found.detections) == [detection.evidence for detection in found.detections]
    assert b"" == found.delta.trail
