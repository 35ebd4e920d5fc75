"""Time stamps of many programs come out as one of the two forms that are read."""

from __future__ import annotations

import polars as pl
import pytest

from credwatch.parse.stamps.spelled import spelled


@pytest.mark.parametrize(
    ("stamp", "written"),
    [
        ("2026-03-02T01:15:30.123Z", "2026-03-02T01:15:30.123Z"),
        ("Mar  2 01:15:30", "Mar  2 01:15:30"),
        ("2026/03/02 01:15:30", "2026-03-02T01:15:30"),
        ("02/Mar/2026:01:15:30 +0700", "2026-03-02T01:15:30+0700"),
        ("Mon Mar  2 01:15:30.123456 2026", "2026-03-02T01:15:30.123456"),
        ("[Mon Mar  2 01:15:30 2026]", "2026-03-02T01:15:30"),
        ("Mon, 02 Mar 2026 01:15:30 GMT", "2026-03-02T01:15:30Z"),
        ("2-Mar-2026 01:15:30", "2026-03-02T01:15:30"),
        ("2026-03-02 01:15:30.5 +07", "2026-03-02T01:15:30.5+07:00"),
        ("2026-03-02 01:15:30 UTC", "2026-03-02T01:15:30Z"),
        ("260302  1:15:30", "2026-03-02T01:15:30"),
        ("Mar 2 01:15:30.5", "Mar  2 01:15:30"),
        ("2026-03-02  1:15:30", "2026-03-02T01:15:30"),
        ("2026-03-02 time=01:15:30", "2026-03-02T01:15:30"),
        ("March 2, 2026 01:15:30", "2026-03-02T01:15:30"),
        ("20260302 01:15:30", "2026-03-02T01:15:30"),
        ("3/2/2026, 1:15:30 PM", "2026-03-02T13:15:30"),
        ("03/02/2026, 12:15:30\u202fAM", "2026-03-02T00:15:30"),
        ("03/02/26 01:15:30", "2026-03-02T01:15:30"),
        ("03/02/26, 1:15:30 PM MST", "2026-03-02T13:15:30"),
        ("1772414130", "2026-03-02T01:15:30Z"),
        ("1772414130.123", "2026-03-02T01:15:30.123Z"),
        ("1772414130123", "2026-03-02T01:15:30.123Z"),
        ("1772414130123456789", "2026-03-02T01:15:30.123456789Z"),
        ("12", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_spelling(stamp: str, written: str | None) -> None:
    """Each way to write a moment gives that moment, beside any other; what is none gives none."""
    assert [written] == spelled(pl.Series([stamp])).to_list()
    assert [written, None] == spelled(pl.Series([stamp, None], dtype=pl.String)).to_list()
    assert written == spelled(pl.Series([stamp, "other"]))[0]
