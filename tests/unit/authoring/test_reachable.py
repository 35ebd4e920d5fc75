"""Conditions that can never hold are told, and only those."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.authoring.reachable import why_unreachable
from credwatch.authoring.trial import holding
from credwatch.rules.model import (
    AllOf,
    AnyOf,
    Condition,
    CorrelationType,
    NotThis,
    Operator,
    PartsAll,
    PartsAny,
    PartsNot,
    PartThere,
    RuleSet,
    Test,
)
from unit.detect.watched import a_correlation, a_rule, equals, rule_set

LOGIN, LOGOUT = equals("event.action", "login"), equals("event.action", "logout")
USER = Test("user.name", Operator.EXISTS, True)
THREE, FOUR, FOURTH = (
    Test("@timestamp", Operator.EQUALS, number, part=part) for number, part in ((3, "hour"), (4, "hour"), (4, "day"))
)


def told(condition: Condition) -> str:
    """Say why a condition can never hold; nothing where it can."""
    rule = a_rule(condition=condition)
    reason = why_unreachable(rule, rule_set(rule))
    return reason.message if reason else ""


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (LOGIN, ""),
        (AllOf((LOGIN, LOGOUT)), "event.action equals 'login' and event.action equals 'logout'"),
        (AnyOf((LOGIN, LOGOUT)), ""),
        (AllOf((LOGIN, AnyOf((LOGOUT, USER)))), ""),
        (AllOf((LOGIN, NotThis(LOGIN))), "event.action equals 'login' and not event.action equals 'login'"),
        (AllOf((LOGIN, NotThis(LOGOUT))), ""),
        (AllOf((LOGIN, NotThis(AnyOf((LOGIN, LOGOUT))))), "event.action equals 'login' and not"),
        (AllOf((LOGIN, Test("event.action", Operator.NULL, None))), "event.action is absent"),
        (AllOf((LOGIN, Test("event.action", Operator.EXISTS, False))), "event.action is absent"),
        (AllOf((LOGIN, NotThis(Test("event.action", Operator.EXISTS, True)))), "not event.action is there"),
        (AllOf((LOGIN, Test("event.action", Operator.CONTAINS, "out"))), "contains 'out'"),
        (AllOf((LOGIN, Test("event.action", Operator.STARTS_WITH, "LOG"))), ""),
        (AllOf((Test("source.port", Operator.EQUALS, 22), Test("source.port", Operator.GREATER, 1024))), "gt 1024"),
        (AllOf((Test("source.port", Operator.EQUALS, 22), equals("source.port", "22"))), ""),
        (AllOf((Test("source.port", Operator.EQUALS, 22), Test("source.port", Operator.EQUALS, 22.0))), ""),
        (equals("credwatch.attempt", "maybe"), "credwatch.attempt equals 'maybe'"),
        (equals("source.port", "ssh"), "source.port equals 'ssh'"),
        (AllOf((THREE, FOUR)), "hour"),
        (AllOf((THREE, FOURTH)), ""),
    ],
)  # fmt: skip
def test_contradictions(condition: Condition, reason: str) -> None:
    """Tests that exclude each other are named; what may hold in any way is left alone."""
    found = told(condition)
    assert (bool(reason), True) == (bool(found), reason in found)


def test_a_correlation_over_a_rule_that_cannot_match() -> None:
    """A count over several rules needs one of them, a temporal correlation all."""
    dead = a_rule("dead", AllOf((LOGIN, LOGOUT)))
    alive = a_rule("alive", LOGIN)

    def reason(*rules: str, kind: str, **changes: Any) -> str:
        correlation = a_correlation(kind=CorrelationType(kind), rules=rules, **changes)
        found = why_unreachable(correlation, RuleSet((dead, alive), (correlation,)))
        return found.message if found else ""

    assert "it needs 'dead', which can never match" == reason("dead", kind="event_count")
    assert "" == reason("dead", "alive", kind="event_count")
    assert "it needs 'dead', which can never match" == reason("dead", "alive", kind="temporal")
    either = PartsAny((PartThere(0), PartThere(1)))
    assert "" == reason("dead", "alive", kind="temporal", condition=either)
    absent = PartsAll((PartThere(1), PartsNot(PartThere(0))))
    assert "" == reason("dead", "alive", kind="temporal", condition=absent)


FIELDS = ("user.name", "host.name")
TESTS = st.builds(
    Test,
    st.sampled_from(FIELDS),
    st.sampled_from((Operator.EQUALS, Operator.STARTS_WITH, Operator.CONTAINS)),
    st.sampled_from(("a", "ab", "b", "A")),
    st.booleans(),
) | st.builds(Test, st.sampled_from(FIELDS), st.just(Operator.EXISTS), st.booleans())
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: (
        st.builds(NotThis, inner)
        | st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
VALUES = (None, "a", "A", "ab", "b", "ba", "Ab", "c")
EVERY = pl.DataFrame(
    [{"user.name": user, "host.name": host} for user in VALUES for host in VALUES],
    schema={"user.name": pl.String, "host.name": pl.String},
)


@given(CONDITIONS)
def test_what_matches_something_is_never_called_dead(condition: Condition) -> None:
    """Whatever the condition, one that the engine finds true of an event has no contradiction."""
    if holding({"it": condition}, EVERY)["it"].any():
        assert "" == told(condition)
