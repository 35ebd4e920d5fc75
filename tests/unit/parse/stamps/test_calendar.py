"""The parts of a long file are dated by what stands behind them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from credwatch.parse.stamps.calendar import calendar
from credwatch.parse.stamps.timestamps import moments
from credwatch.parse.stamps.yearless import tells_no_year


def written(times: list[datetime], stamp: str) -> list[bytes]:
    """Write a log line for each moment."""
    return [f"{time.strftime(stamp)} web1 sshd[1]: hello\n".encode() for time in times]


@pytest.mark.parametrize("stamp", ["%b %e %H:%M:%S", "<38>%b %e %H:%M:%S", "<6>%b %d %H:%M:%S"])
@pytest.mark.parametrize("step", [timedelta(hours=7), timedelta(days=9), timedelta(days=31), timedelta(days=200)])
def test_every_part_has_its_years(step: timedelta, stamp: str) -> None:
    """Wherever a file is cut, each part read by itself gives the moments that were written."""
    end = datetime(2026, 9, 2, 1, 0, tzinfo=UTC)
    times = [end - step * count for count in reversed(range(min(timedelta(days=1400) // step, 1500)))]
    lines = written(times, stamp)
    data = b"".join(lines)
    dates = calendar(lambda size, offset: data[offset : offset + size], 0, len(data), end)
    for cut in range(1, len(lines), 1 + len(lines) // 50):
        near = dates.near(len(b"".join(lines[:cut])))
        assert near is not None
        stamps = pl.Series([line.decode().split(" web1")[0].split(">")[-1] for line in lines[max(cut - 40, 0) : cut]])
        assert times[max(cut - 40, 0) : cut] == moments(stamps, zone="UTC", reference=near).to_list()


def test_a_long_file_is_looked_at_here_and_there() -> None:
    """Of a file of many megabytes little is read, and its years are found all the same."""
    end = datetime(2026, 9, 2, 1, 0, tzinfo=UTC)
    line = "{} web1 sshd[1]: " + "x" * 4000 + "\n"
    times = [end - timedelta(hours=1) * count for count in reversed(range(12_000))]
    data = "".join(line.format(time.strftime("%b %e %H:%M:%S")) for time in times).encode()
    read: list[int] = []

    def read_at(size: int, offset: int) -> bytes:
        read.append(size)
        return data[offset : offset + size]

    dates = calendar(read_at, 0, len(data), end)
    assert sum(read) < len(data) // 20
    width = len(data) // len(times)
    for number in range(100, 12_000, 397):
        near = dates.near(number * width)
        assert near is not None
        stamp = pl.Series([times[number - 1].strftime("%b %e %H:%M:%S")])
        assert [times[number - 1]] == moments(stamp, zone="UTC", reference=near).to_list()


def test_stamps_that_need_no_calendar() -> None:
    """A stamp with its year says it itself; a file without any date says nothing."""
    assert tells_no_year(b"Feb 7 16:01:07 h x: y")
    assert tells_no_year(b"<38>Feb  7 16:01:07 h x: y")
    assert not tells_no_year(b"2026-02-07T16:01:07Z h x: y")
    assert calendar(lambda _size, _offset: b"no date\n", 0, 8, datetime(2026, 1, 1, tzinfo=UTC)).near(8) is None


def test_a_file_of_two_kinds_of_stamps() -> None:
    """Where a writer was changed to stamps with a year, its older lines get theirs from those, wherever it is cut."""
    times = [datetime(2023, 2, 1, tzinfo=UTC) + timedelta(days=9) * count for count in range(140)]
    old, new, newest = times[:60], times[60:100], times[100:]
    lines = written(old, "%b %e %H:%M:%S") + written(new, "%Y-%m-%dT%H:%M:%SZ") + written(newest, "<38>1 %Y-%m-%dT%TZ")
    data = b"".join(lines)
    dates = calendar(lambda size, offset: data[offset : offset + size], 0, len(data), datetime(2027, 3, 1, tzinfo=UTC))
    for cut in range(1, 60):
        near = dates.near(len(b"".join(lines[:cut])))
        assert near is not None
        stamps = pl.Series([line.decode().split(" web1")[0] for line in lines[:cut]])
        assert times[:cut] == moments(stamps, zone="UTC", reference=near).to_list()


def test_a_stamp_without_a_year_anywhere() -> None:
    """One line among others is enough."""
    assert tells_no_year(b"2026-02-07T16:01:07Z h x: y\n<38>Feb  7 16:01:07 h x: y\n")
    assert not tells_no_year(b"2026-02-07T16:01:07Z h x: Feb  7 16:01:07\n")
