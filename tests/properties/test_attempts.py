"""Holds the pairing of login attempts to the rule told line by line, however the lines fall into batches."""

from __future__ import annotations

from datetime import timedelta
from itertools import accumulate, pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.enrich.habits import attempts
from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from unit.enrich.known_world import a_frame, a_line

LINE = st.builds(
    lambda role, outcome, seconds, pid: a_line(role, outcome, seconds=seconds, process__pid=pid),
    st.sampled_from(["announce", "result", "echo", None]),
    st.sampled_from(["failure", "success", None]),
    st.sampled_from([0, 300, 900]),
    st.sampled_from([1, 2]),
)


@given(lines=st.lists(LINE, max_size=30), cuts=st.sets(st.integers(0, 30)), within=st.integers(1, 12))
def test_the_split_into_batches_does_not_matter(lines: list[dict[str, object]], cuts: set[int], within: int) -> None:
    """Any split, with the pairing written and read between batches, marks the same events as one batch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "WITHIN_LINES", within)
        events = a_frame(*[a_line("result"), *lines])
        whole, _ = mark_attempts(events, AttemptPairing())
        pairing, parts = AttemptPairing(), []
        edges = [0, *sorted(cut for cut in cuts if cut < events.height), events.height]
        for begin, end in pairwise(edges):
            part, pairing = mark_attempts(
                events.slice(begin, end - begin), AttemptPairing.from_bytes(pairing.to_bytes())
            )
            parts.append(part)
    assert pl.concat(parts)["credwatch.attempt"].to_list() == whole["credwatch.attempt"].to_list()


TELLING = st.builds(
    lambda role, way, user, repeat: {
        "role": role, "event__provider": way, "user__name": user, "credwatch__repeat": repeat, "event__action": "login",
    },
    st.sampled_from(["announce", "result", "echo", "echo"]),
    st.sampled_from(["pam_unix", "PAM", None]),
    st.sampled_from(["lan", "minh", None]),
    st.sampled_from([1, 1, 3]),
)  # fmt: skip


@given(tellings=st.lists(st.tuples(st.integers(0, 700), TELLING), max_size=30), cuts=st.sets(st.integers(0, 30)))
def test_tellings_that_are_cut_into_batches_count_alike(
    tellings: list[tuple[int, dict[str, Any]]], cuts: set[int]
) -> None:
    """Any split of lines in the order of time gives the same attempts, each as often."""
    seconds = accumulate(pause for pause, _ in tellings)
    lines = [
        a_line(fields["role"], seconds=at, **_but_role(fields))
        for at, (_, fields) in zip(seconds, tellings, strict=True)
    ]
    events = a_frame(*[a_line("result", user__name="lan", credwatch__repeat=1), *lines])
    whole, _ = mark_attempts(events, AttemptPairing())
    pairing, parts = AttemptPairing(), []
    edges = [0, *sorted(cut for cut in cuts if cut < events.height), events.height]
    for begin, end in pairwise(edges):
        part, pairing = mark_attempts(events.slice(begin, end - begin), AttemptPairing.from_bytes(pairing.to_bytes()))
        parts.append(part)
    columns = ["credwatch.attempt", "credwatch.repeat"]
    assert pl.concat(parts).select(columns).equals(whole.select(columns))


def _but_role(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "role"}


@given(lines=st.lists(LINE, max_size=30))
def test_the_columns_say_what_a_plain_loop_says(lines: list[dict[str, object]]) -> None:
    """The vectorised pairing equals the rule told line by line."""
    expected, waiting = [], {}
    for line in lines:
        role, failed = line["credwatch.attempt.role"], line.get("event.outcome") == "failure"
        announced = waiting.get(line["process.pid"])
        repeats = False
        if role == "announce":
            waiting[line["process.pid"]] = line["@timestamp"]
        elif role == "result" and failed:
            repeats = announced is not None and abs(line["@timestamp"] - announced) <= timedelta(minutes=10)
            waiting.pop(line["process.pid"], None)
        expected.append(role in ("announce", "result") and not repeats)
    frame, _ = mark_attempts(a_frame(*[*lines, a_line("echo")]), AttemptPairing())
    assert frame["credwatch.attempt"].to_list() == [*expected, False]
