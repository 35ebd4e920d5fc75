"""Whatever a service repeats, reorders and shows late, and wherever reading is broken off: each item comes once."""

from __future__ import annotations

import json
import time
from collections.abc import Container, Iterator
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Cursor
from credwatch.sources.pull.interface import Item, PulledBatch, PulledPlace
from credwatch.sources.pull.keys import KnownKeys, key_of
from credwatch.sources.pull.source import PulledSource
from credwatch.sources.rest.lookup import value_at
from credwatch.sources.rest.moments import seconds_of, written

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
OVERLAP = 10
PATIENCE = 60.0


class ListedService:
    """Gives items by their time, from `OVERLAP` before the latest on, a few a batch; some only at a later sweep."""

    interval = 0.001
    width = 1.0

    def __init__(self, sweeps: list[list[int]], most: int, failures: set[int]) -> None:
        self._sweeps = sweeps
        self._most = most
        self._failures = failures
        self._asked = 0

    def sweep(self, place: PulledPlace | None, _known: Container[str] = (), /) -> Iterator[PulledBatch]:
        """Give what is visible by now."""
        since = -100 if place is None else int(place["since"])
        self._asked += 1
        shown = [number for group in self._sweeps[: self._asked] for number in group]
        wanted = sorted(number for number in shown if number >= since - OVERLAP)
        for at in range(0, len(wanted), self._most):
            if self._asked in self._failures and at:
                raise SourceError("it breaks off", where="x")
            page = wanted[at : at + self._most]
            since = max(since, *page)
            items = tuple(Item(b"%d\n" % number, key_of(b"%d" % number), number) for number in page)
            yield PulledBatch(items, {"since": since}, since - OVERLAP)

    def is_done(self) -> bool:
        """Tell whether everything was visible in two sweeps."""
        return self._asked > len(self._sweeps) + 2

    def interrupt(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _read(service: ListedService, cursors: dict[str, Cursor], most: int, limit: int) -> list[int]:
    """Commit so many chunks at most, or everything; return the numbers."""
    source = PulledSource("x", service, cursors, clock=lambda: NOW)
    numbers: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while most and not (service.is_done() and not source.lag()):
        assert time.monotonic() < deadline
        try:
            chunk = source.read(limit)
        except SourceError:
            continue
        if chunk is None:
            time.sleep(0.0005)
            continue
        cursors[chunk.file] = json.loads(json.dumps(chunk.cursor))
        numbers += [int(line) for line in chunk.data.splitlines()]
        most -= 1
    source.close()
    return numbers


@st.composite
def _sweeps(draw: st.DrawFn) -> list[list[int]]:
    """Draw numbers that become visible at most `OVERLAP` behind the greatest that is."""
    numbers = draw(st.lists(st.integers(0, 60), unique=True, max_size=40))
    sweeps: list[list[int]] = []
    greatest = 0
    for number in sorted(numbers, key=lambda number: number + draw(st.integers(0, OVERLAP // 2))):
        if draw(st.booleans()) or not sweeps:
            sweeps.append([])
        if number >= greatest - OVERLAP:
            sweeps[-1].append(number)
            greatest = max(greatest, number)
    return sweeps


@settings(max_examples=25)
@given(_sweeps(), st.integers(1, 7), st.sets(st.integers(1, 1), max_size=1), st.integers(1, 20), st.integers(0, 6))
def test_each_item_comes_once(sweeps: list[list[int]], most: int, fails: set[int], limit: int, chunks: int) -> None:
    """Late items within the overlap, batches of any size, a sweep that breaks off, a restart anywhere: each once."""
    cursors: dict[str, Cursor] = {}
    before = _read(ListedService(sweeps, most, fails), cursors, chunks, limit)
    rest = _read(ListedService([[number for group in sweeps for number in group]], most, set()), cursors, -1, limit)
    assert sorted(number for group in sweeps for number in group) == sorted(before + rest)


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(-1e6, 1e12))), st.floats(0.5, 1e4), st.floats(-1e6, 1e12))
def test_keys_are_known_until_their_floor(items: list[tuple[str, float]], width: float, floor: float) -> None:
    """What stands at the floor or behind is known, also after a cursor was written and read; nothing else ever was."""
    known = KnownKeys(width)
    known.add(Item(b"", key_of(text.encode()), order) for text, order in items)
    known.forget_before(floor)
    again = KnownKeys.from_json(json.loads(json.dumps(known.to_json())), 7.0)
    first = dict(reversed(items))
    assert all(key_of(text.encode()) in again for text, order in first.items() if order >= floor)
    assert key_of(b"another, longer than five") not in again
    assert known.to_json() == again.to_json()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a.b", "@c"]), inner),
)


@given(_JSON, st.text("ab.@c[0]1", max_size=8))
def test_a_path_into_any_json_gives_a_value_or_none(value: object, path: str) -> None:
    """No path and no value makes it fail; the times that it may find are read or are none."""
    found = value_at(value, path)
    assert found is None or isinstance(found, bool | int | float | str | list | dict)
    assert seconds_of(found) is None or isinstance(seconds_of(found), float)


@given(st.integers(0, 4_102_444_800_000))
def test_a_time_is_read_as_it_was_written(milliseconds: int) -> None:
    """In each form that a service may want, to the millisecond or the second."""
    assert milliseconds / 1000 == seconds_of(written(milliseconds / 1000, "rfc3339"))
    assert str(milliseconds) == written(milliseconds / 1000, "epoch_milliseconds")
    assert str(milliseconds // 1000) == written(milliseconds / 1000, "epoch_seconds")
