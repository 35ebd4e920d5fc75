"""JSON events are read as rules see them, or refused in words; nothing that stdin holds raises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.authoring.json_events import BEGINNING, advice, frame_of, read_event


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ('{"event.action": "login"}', {"event.action": "login"}),
        ('{"event": {"action": "login", "outcome": "failure"}}', {"event.action": "login", "event.outcome": "failure"}),
        ('{"source.port": 22, "credwatch.attempt": true}', {"source.port": 22, "credwatch.attempt": True}),
        ('{"user.name": 7}', {"user.name": "7"}),
        ('{"user.name": null}', {}),
        ('{"@timestamp": "2026-03-02T10:00:00+07:00"}', {"@timestamp": datetime(2026, 3, 2, 3, tzinfo=UTC)}),
        ('{"@timestamp": "2026-03-02T10:00:00"}', {"@timestamp": datetime(2026, 3, 2, 10, tzinfo=UTC)}),
    ],
)
def test_an_event(line: str, fields: dict[str, Any]) -> None:
    """Dotted and nested names are the same; a number in a text field is its text; null is absent."""
    assert (fields, "") == (read_event(line).fields, read_event(line).error)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"a"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a":' * 50 + "1" + "}" * 50, "nested more than 20 deep"),
        ('{"source.port": "22"}', 'source.port is of type integer, and "22" is not'),
        ('{"source.port": 9223372036854775808}', "source.port is of type integer"),
        ('{"credwatch.attempt": 1}', "credwatch.attempt is of type boolean"),
        ('{"user.name": ["lan"]}', "user.name is of type string"),
        ('{"@timestamp": "soon"}', "@timestamp is a moment such as"),
        ('{"@timestamp": 7}', "@timestamp is a moment such as"),
    ],
)
def test_what_is_no_event(line: str, error: str) -> None:
    """It says the field, its type and what was found."""
    assert error in read_event(line).error


def test_unknown_fields_are_ignored_by_name() -> None:
    """Each comes with the nearest that the schema knows."""
    read = read_event('{"user.nam": "lan", "event.action": "login"}')
    assert ["user.nam: did you mean 'user.name'?"] == [advice(name) for name in read.ignored]
    assert {"event.action": "login"} == read.fields


def test_events_without_a_time() -> None:
    """They have that of the event before them; the first has the beginning."""
    at = "2026-03-02T10:00:00+00:00"
    lines = ["{}", json.dumps({"@timestamp": at}), "{}"]
    times = frame_of([read_event(line) for line in lines])["@timestamp"].to_list()
    assert [BEGINNING, datetime.fromisoformat(at), datetime.fromisoformat(at)] == times


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
NAMES = st.sampled_from(("@timestamp", "user.name", "source.port", "credwatch.attempt", "event"))


@given(st.binary() | st.dictionaries(NAMES, JSON).map(json.dumps))
def test_nothing_raises(line: str | bytes) -> None:
    """Any bytes and any object become an event that a frame can hold, or an error."""
    read = read_event(line)
    assert bool(read.error) or 1 == frame_of([read]).height
