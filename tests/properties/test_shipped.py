"""Batches and what is known of them, for any input."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from credwatch.sources.received.lane import Lane
from credwatch.sources.received.parcel import Parcel, Shipped
from credwatch.sources.shipped.batch import BatchRefused, LogBatch, headers_of, read_batch
from credwatch.sources.shipped.covered import CoveredSpans

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=30)
LINES = st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"") + b"\n"), min_size=1, max_size=10)
NAMES = st.text(min_size=1, max_size=30).filter(str.isprintable)


@given(SPANS, st.integers(0, 70))
def test_what_is_covered_is_the_union_of_what_was_added(spans: list[list[int]], place: int) -> None:
    """Spans are ascending and apart, and reach as far as a plain set says."""
    covered = CoveredSpans((begin, end) for begin, end in spans)
    members = {number for begin, end in spans for number in range(begin, end)}
    assert members == {number for begin, end in covered.spans for number in range(begin, end)}
    assert all(one[1] < other[0] for one, other in pairwise(covered.spans))
    reached = place
    while reached in members:
        reached += 1
    assert reached == covered.reached(place)


@given(NAMES, NAMES, LINES, st.integers(0, 10**15), LINES)
def test_a_batch_is_read_as_it_was_written(
    host: str, log: str, lines: list[bytes], begin: int, before: list[bytes]
) -> None:
    """Headers and body say all that a batch has, whatever its log is called."""
    batch = LogBatch(host, log, "series-1", begin, b"".join(lines), b"".join(before), NOW, "json", "Asia/Ho_Chi_Minh")
    headers = {name.upper(): value for name, value in headers_of(batch).items()}
    assert all(value.isascii() and value.isprintable() for value in headers.values())
    assert batch == read_batch(headers, batch.before + batch.data)


@given(
    st.dictionaries(
        st.sampled_from([*headers_of(LogBatch("h", "l", "series-1", 0, b"x\n", b"y\n", NOW, "json", "UTC"))]),
        st.text(max_size=40) | st.integers().map(str) | st.just("0-5"),
    ),
    st.binary(max_size=60),
)
def test_headers_that_lie_are_refused_or_true(headers: dict[str, str], body: bytes) -> None:
    """Whatever headers say, the batch that is made of them has the bytes that it says."""
    try:
        batch = read_batch(headers, body)
    except BatchRefused as refused:
        told = refused.reason
    else:
        told = ""
    assert told in ("", "bad_headers", "false_range", "too_large")
    if told:
        return
    assert batch.end - batch.begin == len(batch.data)
    assert batch.before + batch.data == body


@given(st.data(), st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_any_order_of_repeats_gives_each_line_once_in_order(data: st.DataObject, sizes: list[int]) -> None:
    """Batches that come in any order, repeated and cut at any lines, give the log once, in its order."""
    log = [f"{number:03}\n".encode() for number in range(sum(sizes))]
    cuts = [sum(sizes[:at]) for at in range(len(sizes) + 1)]
    some = [*pairwise(cuts)]
    overlapping = [(begin, data.draw(st.integers(begin + 1, len(log)))) for begin, _ in some[::2]]
    lane, given_lines = Lane(), b""
    for begin, end in data.draw(st.permutations([*some, *some, *overlapping])):
        text = b"".join(log[begin:end])
        shipped = Shipped("series-1", begin * 4, end * 4, waits=True)
        parcel = Parcel("web1:/log", text, "", NOW, shipped=shipped)
        lane.place(parcel, shipped)
        lane.release(is_complete=False)
        while lane.has_next():
            taking = lane.take(data.draw(st.integers(1, 30)))
            lane.note(taking.parts)
            given_lines += taking.data
    assert b"".join(log) == given_lines
    assert not lane.held
    assert [(0, len(log) * 4)] == lane.spans()["series-1"]
