"""How events lie in the store until they move."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from archived_events import an_event, rows_of, some_events
from credwatch.archive.form import BATCH, SCHEMA, archived, packed, unpacked
from credwatch.kernel.dtypes import dtype_of
from credwatch.kernel.fields import BY_NAME, FieldType

A_VALUE = {
    FieldType.STRING: "Thảo\t\u202e\x00 «»",
    FieldType.INTEGER: -(2**62),
    FieldType.NUMBER: 12.248,
    FieldType.BOOLEAN: True,
    FieldType.TIMESTAMP: datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
}


@pytest.mark.parametrize("count", [1, 500, 501])
def test_every_field_comes_back(count: int) -> None:
    """Few events and many come back as they were, with the type and value of every field of the schema."""
    event = {name: A_VALUE[field.type] for name, field in BY_NAME.items()}
    rows = pl.DataFrame([event] * count, schema={name: dtype_of(name) for name in BY_NAME})
    assert_frame_equal(rows, unpacked([(1, packed(rows))]).select(rows.columns))


def test_pieces_come_back_in_order_with_their_numbers() -> None:
    """Batches of few and of many events, with different columns, are put together in their order."""
    batches = [some_events(count, seed=count) for count in (1, 3, 600, 2, 700)]
    numbered = [(number, packed(rows_of(batch))) for number, batch in enumerate(batches, 10)]
    rows = unpacked(numbered, numbered=True)
    assert [event["log.offset"] for batch in batches for event in batch] == rows["log.offset"].to_list()
    assert [n for n, batch in enumerate(batches, 10) for _ in batch] == rows[BATCH].to_list()
    assert BATCH not in unpacked(numbered).columns


def test_lines_stay_only_where_they_are_asked_for() -> None:
    """Without lines nothing is kept of what the writer wrote; what no event has is no column."""
    events = pl.DataFrame(
        [
            an_event()
            | {"event.original": "the line", "message": "line", "user.email": None, "position": 7, "file": "/a"}
        ],
        schema_overrides={"user.email": pl.String},
    ).drop("log.offset", "log.file.path")
    assert "event.original" in archived(events, lines=True).columns
    kept = archived(events, lines=False)
    assert {"event.original", "message", "user.email", "position", "file"}.isdisjoint(kept.columns)
    assert [7] == kept["log.offset"].to_list()
    assert set(kept.columns) <= set(SCHEMA)


def test_no_event_is_no_row() -> None:
    """Nothing comes back from nothing."""
    assert 0 == unpacked([]).height
