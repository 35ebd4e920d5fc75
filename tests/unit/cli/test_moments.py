"""How moments and spans read in a terminal."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from credwatch.cli.moments import age, both_times, read_span


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        ((2026, 3, 2, 12), "Asia/Ho_Chi_Minh", "2026-03-02 19:00:00 +07:00 (12:00:00 UTC)"),
        ((2026, 3, 2, 18), "Asia/Ho_Chi_Minh", "2026-03-03 01:00:00 +07:00 (2026-03-02 18:00:00 UTC)"),
        ((2026, 10, 25, 0, 30), "Europe/Berlin", "2026-10-25 02:30:00 +02:00 (00:30:00 UTC)"),
        ((2026, 10, 25, 1, 30), "Europe/Berlin", "2026-10-25 02:30:00 +01:00 (01:30:00 UTC)"),
        ((2026, 3, 2, 12), "UTC", "2026-03-02 12:00:00 UTC"),
    ],
)
def test_local_time_has_utc_beside_it(moment: tuple[int, ...], zone: str, expected: str) -> None:
    """UTC has its date where that is another; both passes of a repeated hour are told apart; UTC alone stands once."""
    assert expected == both_times(datetime(*moment, tzinfo=UTC), zone)  # type: ignore[misc,arg-type]  # no tzinfo among them


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(days=3, hours=23), "3d"),
        (timedelta(hours=23, minutes=59), "23h"),
        (timedelta(seconds=59), "0m"),
        (timedelta(hours=-1), "0m"),
    ],
)
def test_an_age_has_one_unit(span: timedelta, expected: str) -> None:
    """It is told in the largest unit of which there is a whole one; what lies ahead has none."""
    assert expected == age(span)


@pytest.mark.parametrize("text", ["", "7", "0d", "7w", "-1d", "1.5d", "99999d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """A number and h or d is read, anything else is a mistake of usage."""
    assert timedelta(days=7) == read_span("7d")
    with pytest.raises(typer.BadParameter):
        read_span(text)
