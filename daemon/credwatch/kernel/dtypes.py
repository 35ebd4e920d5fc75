"""The Polars type of each event field, for every frame that has events in its rows."""

from __future__ import annotations

import polars as pl

from credwatch.kernel.fields import BY_NAME, FieldType

DTYPES: dict[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.NUMBER: pl.Float64(),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.TIMESTAMP: pl.Datetime("us", "UTC"),
}
"""By the type of the field; moments are UTC, in microseconds."""


def dtype_of(name: str) -> pl.DataType:
    """Tell the type of the column of an event field, which must be one of the schema."""
    return DTYPES[BY_NAME[name].type]
