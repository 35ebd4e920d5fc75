"""The pieces of a stream are dated by what came before them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from credwatch.parse.stamps.carried import CarriedDates
from credwatch.parse.stamps.timestamps import moments

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def read(pieces: list[list[str]]) -> list[str]:
    """Read stamps piece by piece, as days."""
    dates, days = CarriedDates(), []
    for piece in pieces:
        near = dates.near("".join(f"{stamp} web1 x: y\n" for stamp in piece).encode(), NOW)
        days += [str(moment.date()) for moment in moments(pl.Series(piece), zone="UTC", reference=near)]
    return days


def test_a_turn_of_the_year_between_pieces() -> None:
    """Each piece is of the latest year that is not ahead."""
    assert ["2025-12-30", "2025-12-31", "2026-01-01"] == read(
        [["Dec 30 08:00:00"], ["Dec 31 08:00:00"], ["Jan  1 08:00:00"]]
    )


def test_what_a_piece_knows_the_next_ones_know() -> None:
    """A year that a line tells, or that a 29 February has, holds for the pieces behind it."""
    told = ["2023-12-30T08:00:00Z"], ["Dec 31 08:00:00"], ["Jan  2 08:00:00", "Mar  1 08:00:00"], ["Apr  2 08:00:00"]
    assert ["2023-12-30", "2023-12-31", "2024-01-02", "2024-03-01", "2024-04-02"] == read([*told])
    assert ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"] == read(
        [["Feb 28 08:00:00", "Feb 29 08:00:00", "Mar  1 08:00:00"], ["Mar  2 08:00:00"]]
    )


def test_what_was_given_too_late_a_year_decides_nothing() -> None:
    """Where the lines go on beyond the present, those before were of an earlier year, and the present decides."""
    pieces = [["Jan 30 08:00:00"], ["Oct 30 08:00:00"], ["Dec 30 08:00:00"], ["Feb  2 08:00:00"], ["Nov 26 08:00:00"]]
    assert ["2026-01-30", "2026-10-30", "2025-12-30", "2026-02-02", "2026-11-26"] == read(pieces)


def test_a_wrong_clock_at_the_start() -> None:
    """A machine that begins at 1 January and then learns the date leads the following pieces nowhere."""
    piece = ["Nov 25 08:00:00", "Nov 25 08:01:00", "Jan  1 00:00:05", "Nov 25 08:05:00", "Nov 25 08:06:00"]
    assert ["2026-11-25", "2026-11-26"] == [read([piece, ["Nov 26 08:00:00"]])[at] for at in (0, -1)]


def test_a_piece_without_dates() -> None:
    """It ends when the stream does, and leaves what is carried alone."""
    dates = CarriedDates()
    assert NOW == dates.near(b"nothing\n", NOW)
    assert datetime(2023, 12, 30, 23, 59, tzinfo=UTC) == dates.near(b"2023-12-30T08:00:00Z h x: y\n", NOW)
    assert NOW == dates.near(b"nothing\n", NOW)
    assert datetime(2024, 1, 2, 23, 59, tzinfo=UTC) == dates.near(b"Jan  2 08:00:00 h x: y\n", NOW)
