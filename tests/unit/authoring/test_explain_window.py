"""What a window is said to hold is what the engine counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.authoring.explain_window import State, Window, WindowHistory
from credwatch.rules.model import (
    Bound,
    Correlation,
    CorrelationType,
    EventRule,
    Operator,
    PartsAll,
    PartsNot,
    PartThere,
)
from unit.detect.watched import FAILED, SUCCEEDED, a_correlation, a_frame, an_event, rule_set

LATENESS = 10_000_000


def window_of(rule: Correlation, *events: dict[str, Any], others: tuple[EventRule | Correlation, ...] = ()) -> Window:
    """Explain the last event to a correlation over failures and successes."""
    rules = rule_set(FAILED, SUCCEEDED, *others, rule)
    return WindowHistory(a_frame(events), rules, [rule.id], LATENESS).window(rule)


def failures(*seconds: float, **fields: Any) -> list[dict[str, Any]]:
    """Build failures at these seconds."""
    return [an_event(second, **fields) for second in seconds]


@pytest.mark.parametrize(
    ("events", "state", "have", "missing"),
    [
        (failures(0), State.WAITING, 1, 2),
        (failures(0, 1), State.WAITING, 2, 1),
        (failures(0, 1, 2), State.OPENS, 3, 0),
        (failures(0, 1, 2, 3), State.GOES_ON, 4, 0),
        (failures(0, 1, 121), State.WAITING, 2, 1),
        (failures(0, 1, 120), State.OPENS, 3, 0),
        ([*failures(0, 1, source__ip="192.0.2.1"), an_event(2)], State.WAITING, 1, 2),
        ([*failures(0, 1), an_event(2, event__outcome="success")], State.UNTOUCHED, 0, 0),
        ([*failures(0, 1), an_event(2, source__ip=None)], State.NO_GROUP, 0, 0),
        ([*failures(0, 60), an_event(40)], State.LATE, 0, 0),
        ([an_event(0, credwatch__repeat=2)], State.WAITING, 2, 1),
    ],
)
def test_a_count(events: list[dict[str, Any]], state: State, have: int, missing: int) -> None:
    """Matches of the event's group within the timespan, both ends included, and what is left to the threshold."""
    window = window_of(a_correlation(), *events)
    assert (state, have, missing) == (window.state, window.have, window.missing)


def test_distinct_values() -> None:
    """Equal values count once."""
    users = [an_event(second, user__name=name) for second, name in enumerate(("lan", "minh", "lan"))]
    rule = a_correlation(kind=CorrelationType.VALUE_COUNT, field="user.name")
    window = window_of(rule, *users)
    assert (State.WAITING, 2, 3, 1) == (window.state, window.have, window.needed, window.missing)


@pytest.mark.parametrize(
    ("kind", "bound", "changes", "have", "needed", "asked"),
    [
        ("value_sum", ">= 100", {}, 60, 100, "the sum of source.port >= 100"),
        ("value_avg", "< 5", {}, 20, 0, "the average of source.port < 5"),
        ("value_percentile", "> 20", {"percentile": 50}, 20, 20, "percentile 50 of source.port > 20"),
    ],
)
def test_numbers(kind: str, bound: str, changes: dict[str, Any], have: float, needed: float, asked: str) -> None:
    """Sums, averages and percentiles say what they come to, and what is asked."""
    sign, number = bound.split()
    bounds = (Bound({"<": Operator.LESS, ">": Operator.GREATER, ">=": Operator.GREATER_EQUAL}[sign], int(number)),)
    rule = a_correlation(kind=CorrelationType(kind), field="source.port", bounds=bounds, **changes)
    window = window_of(rule, *(an_event(second, source__port=port) for second, port in enumerate((10, 30, 20))))
    assert (have, needed, asked) == (window.have, window.needed, window.asked)


def test_an_absence_that_is_asked_for() -> None:
    """Only what must have matched counts as missing; the whole condition stands beside."""
    condition = PartsAll((PartThere(0), PartsNot(PartThere(1))))
    kind = CorrelationType.TEMPORAL
    rule = a_correlation("alone", kind, ("failed", "succeeded"), condition=condition)
    window = window_of(rule, an_event(0))
    assert ("failed and not succeeded", 1, 1) == (window.asked, window.have, window.needed)


def test_a_sequence_over_a_count() -> None:
    """Each part is told: the count by its episode, the event rule by its matches."""
    burst = a_correlation()
    rule = a_correlation("takeover", CorrelationType.TEMPORAL_ORDERED, ("burst", "succeeded"), threshold=1)
    success = an_event(5, event__outcome="success")
    early = window_of(rule, *failures(0, 1), success, others=(burst,))
    assert (State.WAITING, [("burst", 0), ("succeeded", 1)]) == (early.state, [(p.rule, p.rows) for p in early.parts])
    done = window_of(rule, *failures(0, 1, 2), success, others=(burst,))
    assert (State.OPENS, [("burst", 1), ("succeeded", 1)]) == (done.state, [(p.rule, p.rows) for p in done.parts])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(("192.0.2.1", "192.0.2.2"))), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_enough_in_the_window_is_what_the_engine_tells(marks: list[tuple[int, str]], threshold: int) -> None:
    """With enough in the window a detection opens or is open; where one opens, there is enough."""
    events = [an_event(second, source__ip=address) for second, address in sorted(marks)]
    window = window_of(a_correlation(threshold=threshold), *events)
    if window.have >= threshold:
        assert window.state in (State.OPENS, State.GOES_ON)
    if window.state is State.OPENS:
        assert window.have >= threshold
