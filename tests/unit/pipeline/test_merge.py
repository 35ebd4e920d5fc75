"""The lines of many logs come in the order of event time, none lost, none twice, none held for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from credwatch.parse.stamps.timestamps import MOMENT
from credwatch.pipeline.merge import Merge, Turn
from credwatch.pipeline.prepared import Prepared, turns
from credwatch.sources.interface import Chunk, Cursor

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WIDTH = 10
"""How many bytes a line has here."""


def cursor_at(_chunk: Chunk, position: int) -> Cursor:
    """Say where to go on."""
    return {"offset": position}


def a_piece(log: str, begin: int, seconds: list[float | None], *, backlog: int = 0) -> Prepared:
    """Build a prepared chunk whose lines lie so many seconds after noon; None is a line that is no event."""
    positions = [(begin + number + 1) * WIDTH for number in range(len(seconds))]
    stamped = [(at, NOW + timedelta(seconds=it)) for at, it in zip(positions, seconds, strict=True) if it is not None]
    events = pl.DataFrame(
        {
            "position": [at for at, _ in stamped],
            "@timestamp": pl.Series([moment for _, moment in stamped], dtype=MOMENT),
        },
        schema_overrides={"position": pl.Int64},
    )
    unread = [at for at, it in zip(positions, seconds, strict=True) if it is None]
    size = len(seconds) * WIDTH
    return Prepared(
        chunk=Chunk("s", log, b"", begin * WIDTH, {"offset": begin * WIDTH + size}, NOW, NOW, backlog),
        size=size,
        positions=np.array(positions, np.int64),
        malformed=pl.DataFrame(schema={"position": pl.Int64, "malformed": pl.String}),
        unparsed=pl.DataFrame({"position": unread, "line": ["x"] * len(unread), "reason": ["y"] * len(unread)}),
        skips=pl.DataFrame(schema={"position": pl.Int64, "pack": pl.String}),
        guesses=pl.DataFrame(schema={"position": pl.Int64}),
        unread=pl.DataFrame(schema={"position": pl.Int64, "field": pl.String, "reason": pl.String}),
        events=events,
        order=turns(events),
        seconds=0,
    )


def after_noon(moments: np.ndarray) -> list[float]:
    """Tell moments in seconds after noon."""
    return [(int(it) - int(NOW.timestamp() * 1e6)) / 1e6 for it in moments]


def given_by(turn: Turn) -> dict[str, list[float]]:
    """Tell which events of which log are given."""
    return {part.chunk.file: after_noon(part.order) for part in turn.parts}


def test_lines_are_given_up_to_the_moment_that_every_log_has_reached() -> None:
    """A log that is ahead keeps the rest, with a cursor that begins behind what was given."""
    merge = Merge(patience=None)
    merge.add(a_piece("a", 0, [1, 2, 3, 9], backlog=50), cursor_at)
    merge.add(a_piece("b", 0, [1, 4, 20, None, 30], backlog=70), cursor_at)
    turn = merge.take()
    assert {"a": [1, 2, 3, 9], "b": [1, 4]} == given_by(turn)
    assert [({"offset": 40}, 50), ({"offset": 20}, 100)] == [(it.chunk.cursor, it.chunk.backlog) for it in turn.parts]
    assert [9.0] == after_noon(np.array([turn.expected]))
    assert ["b"] == list(merge.files("s"))


def test_logs_of_which_nothing_more_waits_hold_nothing_up() -> None:
    """Live lines of every log are given at once."""
    merge = Merge(patience=None)
    merge.add(a_piece("a", 0, [1]), cursor_at)
    merge.add(a_piece("b", 0, [500]), cursor_at)
    turn = merge.take()
    assert ({"a": [1], "b": [500]}, None) == (given_by(turn), turn.expected)
    assert 0 == len(merge)


def test_lines_that_are_no_events_go_with_those_before_them() -> None:
    """They have no time of their own."""
    merge = Merge(patience=None)
    merge.add(a_piece("a", 0, [1, None, None, 8]), cursor_at)
    merge.add(a_piece("b", 0, [2], backlog=1), cursor_at)
    lines = {part.chunk.file: (len(part.positions), part.unparsed.height) for part in merge.take().parts}
    assert {"a": (3, 2), "b": (1, 0)} == lines


def test_a_stamp_unlike_its_neighbours_holds_nothing_up() -> None:
    """One line from the future, or from the past, does not change the turn of those around it."""
    merge = Merge(patience=None)
    merge.add(a_piece("a", 0, [10, 11, 9000, 12, 13, 14, -9000, 15, 16, 17, 18, 19]), cursor_at)
    merge.add(a_piece("b", 0, [12, 14], backlog=1), cursor_at)
    assert len(given_by(merge.take())["a"]) in range(6, 9)


def test_what_happens_now_waits_for_a_long_backlog_only_so_long() -> None:
    """A live line is given when it has waited its time; what the backlog may still bring is said."""
    clock = [0.0]
    merge = Merge(patience=10, monotonic=lambda: clock[0])
    merge.add(a_piece("live", 0, [5000]), cursor_at)
    for number in range(3):
        merge.add(a_piece("old", number, [number], backlog=1), cursor_at)
        assert {"old": [number]} == given_by(merge.take())
        clock[0] += 4
    merge.add(a_piece("old", 3, [3], backlog=1), cursor_at)
    turn = merge.take()
    assert {"live": [5000], "old": [3]} == given_by(turn)
    assert [3.0] == after_noon(np.array([turn.expected]))


def test_nothing_overtakes_a_log_of_which_more_is_awaited() -> None:
    """While a rotated log's successor cannot be read yet, the others keep what is later, as long as patience lasts."""
    clock = [0.0]
    merge = Merge(patience=10, monotonic=lambda: clock[0])
    merge.add(a_piece("rotated", 0, [1, 2], backlog=1), cursor_at)
    merge.add(a_piece("other", 0, [1, 2, 3]), cursor_at)
    assert {"rotated": [1, 2], "other": [1, 2]} == given_by(merge.take())
    turn = merge.take([("s", "rotated")])
    assert ({}, [2.0]) == (given_by(turn), after_noon(np.array([turn.expected])))
    clock[0] += 10
    assert {"other": [3]} == given_by(merge.take([("s", "rotated")]))


def test_nothing_overtakes_a_log_that_begins_its_successor() -> None:
    """A chunk that only moves the position, before lines are read from there, holds the others at what was given."""
    merge = Merge(patience=10)
    merge.add(a_piece("rotated", 0, [], backlog=20), cursor_at)
    merge.add(a_piece("other", 0, [3]), cursor_at)
    assert {"rotated": []} == given_by(merge.take()), "after a start nothing is known of what came before"
    merge.add(a_piece("rotated", 0, [1, 2]), cursor_at)
    assert {"rotated": [1, 2], "other": [3]} == given_by(merge.take())


LOGS = st.lists(
    st.lists(st.one_of(st.none(), st.integers(0, 50)), min_size=1, max_size=12).map(
        lambda drawn: [float(it) if it is not None else None for it in _rising(drawn)]
    ),
    min_size=1,
    max_size=4,
)


def _rising(drawn: list[int | None]) -> list[int | None]:
    rising = iter(sorted(it for it in drawn if it is not None))
    return [None if it is None else next(rising) for it in drawn]


@given(LOGS, st.integers(1, 4))
def test_any_chunks_of_any_logs_are_merged(logs: list[list[float | None]], width: int) -> None:
    """Every line comes once, in its log's order, and events of all logs in the order of time."""
    merge, done, came = Merge(patience=None), [0] * len(logs), []
    lines: dict[str, list[int]] = {}
    while any(at < len(log) for at, log in zip(done, logs, strict=True)) or len(merge):
        for number, log in enumerate(logs):
            if str(number) not in merge.files("s") and done[number] < len(log):
                piece = log[done[number] : done[number] + width]
                rest = len(log) - done[number] - len(piece)
                merge.add(a_piece(str(number), done[number], piece, backlog=rest * WIDTH), cursor_at)
                done[number] += len(piece)
        turn = merge.take()
        assert any(part.size for part in turn.parts), "a turn brings something on"
        came.append(sorted(moment for moments in given_by(turn).values() for moment in moments))
        for part in turn.parts:
            lines.setdefault(part.chunk.file, []).extend(part.positions.tolist())
            assert part.chunk.cursor == {"offset": part.chunk.first_position + part.size}
    assert {str(it): [(at + 1) * WIDTH for at in range(len(log))] for it, log in enumerate(logs)} == lines
    every = [moment for turn in came for moment in turn]
    assert sorted(moment for log in logs for moment in log if moment is not None) == sorted(every)
    if not any(None in log for log in logs):
        assert all(before <= behind for before, behind in pairwise(every))
