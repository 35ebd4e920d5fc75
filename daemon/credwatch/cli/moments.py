"""How moments and spans read in a terminal: the readers' own time, with UTC beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from credwatch.kernel.span import read_span as span_of

DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z"]
"""How moments are given to a command; without an offset they are UTC."""
MOMENT = ["%Y-%m-%dT%H:%M%z"]
"""How a moment is given whose offset must be said."""
AtOption = Annotated[
    datetime | None,
    typer.Option("--at", metavar="MOMENT", formats=MOMENT, help="When, as 2026-03-02T12:00+07:00."),
]
_LONGEST = timedelta(days=9999)
"""What no clock can be put forward or back by is no span that anybody means."""


def both_times(moment: datetime, zone: str, *, seconds: bool = True) -> str:
    """Write a moment in a zone and in UTC, such as `2026-03-02 19:00:00 +07:00 (12:00:00 UTC)`.

    UTC has its date where that is another; where the zone is UTC it stands alone.
    """
    local, utc = moment.astimezone(ZoneInfo(zone)), moment.astimezone(UTC)
    time = "%H:%M:%S" if seconds else "%H:%M"
    if not local.utcoffset():
        return f"{utc:%Y-%m-%d {time}} UTC"
    beside = f"{utc:{time}}" if utc.date() == local.date() else f"{utc:%Y-%m-%d {time}}"
    return f"{local:%Y-%m-%d {time}} {local.isoformat()[-6:]} ({beside} UTC)"


def in_utc(moment: datetime | None) -> datetime | None:
    """Take a moment that says no offset for one of UTC."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def age(span: timedelta) -> str:
    """Write a span in its largest unit, such as 3d, 5h or 12m; one that lies ahead is none."""
    minutes = max(0, int(span.total_seconds())) // 60
    days, hours = minutes // 1440, minutes // 60
    return f"{days}d" if days else f"{hours}h" if hours else f"{minutes}m"


def read_span(text: str) -> timedelta:
    """Read a span such as 12h or 7d; raises BadParameter, which is a mistake of usage."""
    span = span_of(text, units=("h", "d"))
    if not span or span > _LONGEST:
        raise typer.BadParameter("expected a number and h or d, such as 7d")
    return span
