"""A window keeps rows by group, and within its caps."""

from __future__ import annotations

import numpy as np

from credwatch.detect.windows.rows import ROW, Form, Rows
from credwatch.detect.windows.streams import Stream, StreamSpec
from credwatch.detect.windows.views import View
from credwatch.detect.windows.windows import Caps, WindowLog

CAPS = Caps(rows=24, of_customer=16)


def rows_of(customer: int, times: range) -> Rows:
    """Build rows of one customer, a group for each second."""
    rows = np.zeros(len(times), ROW)
    rows["key"] = rows["time"] = list(times)
    rows["organization"] = customer
    return rows


def add(log: WindowLog, rows: Rows) -> None:
    """Let a log keep rows."""
    view = View.sorted(rows, np.arange(len(rows)))
    log.add(view.keys, view.times, view.columns, oldest=0)


def a_log(*parts: Rows) -> WindowLog:
    """Build a log that keeps some rows."""
    log = WindowLog(100)
    for rows in parts:
        add(log, rows)
    return log


def kept(log: WindowLog, customer: int) -> list[int]:
    """Tell the times of a customer's rows."""
    rows = log.rows()
    return sorted(rows["time"][rows["organization"] == customer].tolist())


def found(log: WindowLog, keys: range) -> list[tuple[int, ...]]:
    """Give the rows that are found by their keys, sorted."""
    places = log.find(np.array(keys, np.uint64))
    layers = places.layers(np.ones(len(keys), bool), oldest=0)
    names = ("value", "user", "address", "organization")
    columns = [(each.keys, each.times, *(each.column(name) for name in names)) for each in layers]
    return sorted(row for each in columns for row in zip(*(column.tolist() for column in each), strict=True))


def test_the_oldest_of_the_customer_that_has_too_many_go() -> None:
    """A flood at one customer takes nothing from another, though the other's rows are older."""
    log = a_log(rows_of(1, range(5)), rows_of(2, range(10, 27)))
    assert 3 == log.limit(CAPS)
    assert (list(range(5)), list(range(13, 27))) == (kept(log, 1), kept(log, 2))


def test_the_oldest_of_all_go_where_all_together_have_too_many() -> None:
    """No customer has more than its share, and still the window is full."""
    log = a_log(rows_of(1, range(9)), rows_of(2, range(9, 18)), rows_of(3, range(18, 27)))
    assert 6 == log.limit(CAPS)
    assert list(range(6, 9)) == kept(log, 1)


def test_a_window_within_its_caps_keeps_everything() -> None:
    """Rows of no known customer count as those of one."""
    log = a_log(rows_of(0, range(16)))
    assert (0, 16) == (log.limit(CAPS), len(log))


def test_a_window_keeps_no_more_than_it_must() -> None:
    """What is equal to the key, and values that are never there, are not kept, and rows are whole all the same."""
    log = WindowLog(100, Form.of(values=False, as_key=("address",)))
    rows = rows_of(1, range(5))
    rows["address"], rows["user"] = rows["key"], 7
    add(log, rows)
    assert sorted(rows.tolist()) == found(log, range(5)) == sorted(log.rows().tolist())


def test_stored_rows_are_found_again_though_pieces_were_joined() -> None:
    """Rows whose pieces the store has put into one are found by their keys like any others."""
    log, after = a_log(), WindowLog(100)
    pieces = b""
    for times in (range(5), range(3, 8)):
        add(log, rows_of(1, times))
        pieces += new[1] if (new := log.take_new()) else b""
    after.restore(pieces)
    assert found(log, range(8)) == found(after, range(8))
    assert [1, 1, 1, 2, 2, 1, 1, 1] == after.find(np.arange(8, dtype=np.uint64)).counts().tolist()


def test_a_stream_says_how_many_had_to_go() -> None:
    """It counts them for the batch that brought too many, and no more in the next."""
    stream = Stream(StreamSpec(()), WindowLog(100), CAPS)
    rows = rows_of(1, range(20))
    stream.new = View.sorted(rows, np.arange(20))
    stream.keep(oldest=0)
    assert (6, 14) == (stream.dropped, len(stream.log))
    stream.new = View.empty()
    stream.keep(oldest=0)
    assert 0 == stream.dropped
