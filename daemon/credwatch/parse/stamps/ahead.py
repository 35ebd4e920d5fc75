"""Bounds what a line may say of time: nothing can have happened after it was read."""

from __future__ import annotations

from datetime import datetime

import polars as pl

STATED = "credwatch.timestamp.stated"
"""What a line states, where it is not believed."""


def bounded(events: pl.DataFrame, *, received_at: datetime, bound: datetime) -> pl.DataFrame:
    """Give events that lie ahead of `bound` (aware) the time of their neighbours, and keep what they stated.

    `events` are those of one log in the order of their lines, with `@timestamp` (Datetime us, UTC, not null). An event
    that is not believed takes the time of the nearest one before it that is, else of the nearest one behind it, else
    the moment it was read. What it stated is in `credwatch.timestamp.stated`, a column that is there only where needed.
    """
    times = events["@timestamp"]
    is_ahead = times > bound
    if not is_ahead.any():
        return events
    believed = times.set(is_ahead, None).fill_null(strategy="forward").fill_null(strategy="backward")
    return events.with_columns(
        believed.fill_null(received_at).alias("@timestamp"),
        times.set(~is_ahead, None).alias(STATED),
    )
