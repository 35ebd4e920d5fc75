"""Holds the selection of events to the plain way: every condition against every event."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.detect.select.expressions import compiled, fields_of, with_fields
from credwatch.detect.select.selecting import Selection
from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from unit.detect.watched import a_frame, a_rule, an_event

_WORDS: dict[str, list[str | None]] = {
    "event.action": ["login", "logout", "sudo", None],
    "event.outcome": ["success", "failure", None],
    "event.dataset": ["openssh", "pam"],
    "user.name": ["an", "Binh", None],
}
_TEXTS = st.builds(
    lambda name, operator, value: Test(name, operator, value),
    st.sampled_from(sorted(_WORDS)),
    st.sampled_from([Operator.EQUALS, Operator.STARTS_WITH, Operator.NOT_EQUAL, Operator.REGEX]),
    st.sampled_from(["login", "success", "openssh", "binh", "a"]),
)
_MARKS = st.builds(
    lambda operator, value: Test("credwatch.masked", operator, value),
    st.sampled_from([Operator.EQUALS, Operator.EXISTS]),
    st.booleans(),
)
_ABSENT = st.builds(
    lambda name: Test(name, Operator.NULL, None), st.sampled_from([*sorted(_WORDS), "credwatch.masked"])
)
_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(_TEXTS, _MARKS, _ABSENT),
    lambda inner: st.one_of(
        inner.map(NotThis),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(AllOf),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(AnyOf),
    ),
    max_leaves=6,
)
_EVENTS = st.fixed_dictionaries(
    {name.replace(".", "__"): st.sampled_from(words) for name, words in _WORDS.items()}
    | {"credwatch__masked": st.sampled_from([True, False, None])}
)


@settings(max_examples=200)
@given(
    conditions=st.lists(_CONDITIONS, min_size=1, max_size=5),
    batches=st.lists(st.lists(_EVENTS, min_size=1, max_size=12), min_size=1, max_size=3),
)
def test_every_event_is_found_that_a_condition_holds_for(
    conditions: list[Condition], batches: list[list[dict[str, Any]]]
) -> None:
    """Whatever is passed over because of its kind, or for want of a value, would not have matched."""
    rules = [a_rule(f"rule {at}", condition) for at, condition in enumerate(conditions)]
    selection = Selection(rules)
    for batch in batches:
        frame = a_frame([an_event(at, **event) for at, event in enumerate(batch)])
        found = {name: rows.tolist() for name, rows in selection.matches(frame).items()}
        assert found == {rule.id: rows for rule in rules if (rows := _plainly(rule.condition, frame))}


def _plainly(condition: Condition, frame: pl.DataFrame) -> list[int]:
    held = with_fields(frame, fields_of(condition)).select(compiled(condition)).to_series()
    return held.arg_true().to_list()
