"""The form of archived events: which columns a row has, and how the rows of a batch lie in the store until they move.

Many rows are Parquet with zstd, which costs some 0.8 µs and 12 bytes a row. Parquet names its columns in some 10 KB,
so few rows are JSON, deflated. What begins with Parquet's magic bytes is the former.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
from msgspec import json

from credwatch.archive.classes import WHOLE_LINES
from credwatch.kernel.canary import CANARY
from credwatch.kernel.dtypes import dtype_of
from credwatch.kernel.fields import BY_NAME

FILE = "log.file.path"
"""The column that names the file or stream a line came from, within its source (ECS)."""
OFFSET = "log.offset"
"""The column that has the byte offset behind the line in it."""
SOURCE = "credwatch.source.id"
"""The column that names the source."""
SEAL = "credwatch.seal"
"""The column that names the key with which the personal fields of a row are sealed; null where they are not."""
TIME = "@timestamp"
"""The column of the event's time."""

BATCH = "credwatch.batch"
"""The column that has the number of the batch, of events that have not come to a file; never in one."""

SCHEMA: dict[str, pl.DataType] = {name: dtype_of(name) for name in BY_NAME} | {
    FILE: pl.String(),
    OFFSET: pl.Int64(),
    SEAL: pl.String(),
}
"""Every column that a row may have, with its type; a column that no row of a file fills is not in it."""

ORDER = (TIME, SOURCE, FILE, OFFSET)
"""What sorts events in the order of time, and those of one moment always alike."""

Numbered = tuple[int, bytes]
"""The number of a batch, and its events as they were packed."""

_MAGIC = b"PAR1"
_FEW = 500
_MOMENTS = [name for name, dtype in SCHEMA.items() if isinstance(dtype, pl.Datetime)]


def archived(events: pl.DataFrame, *, lines: bool) -> pl.DataFrame:
    """Make rows of enriched and marked events; `lines` says whether what the writer wrote stays.

    What credwatch has made up to try its own path is no event, and is left out.
    """
    named = events.rename({"file": FILE, "position": OFFSET}, strict=False)
    named = named.filter(pl.col(SOURCE).ne_missing(CANARY)) if SOURCE in named.columns else named
    left_out = () if lines else WHOLE_LINES
    return filled(named.select(name for name in named.columns if name in SCHEMA and name not in left_out))


def filled(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out the columns that no row fills."""
    return rows.select(column.name for column in rows.iter_columns() if column.null_count() < len(column))


def packed(rows: pl.DataFrame) -> bytes:
    """Write rows as bytes."""
    if rows.height > _FEW:
        buffer = io.BytesIO()
        rows.write_parquet(buffer, compression="zstd", compression_level=1, statistics=False)
        return buffer.getvalue()
    plain = rows.with_columns(pl.col(name).to_physical() for name in _MOMENTS if name in rows.columns)
    without_nulls = [{name: value for name, value in row.items() if value is not None} for row in plain.to_dicts()]
    return zlib.compress(json.encode(without_nulls), 1)


def unpacked(batches: Iterable[Numbered], *, numbered: bool = False) -> pl.DataFrame:
    """Read the events of several batches as they were packed, in order, with their numbers in BATCH where asked for.

    Raises ValueError or what Polars raises where one is torn.
    """
    frames: list[pl.DataFrame] = []
    few: list[dict[str, Any]] = []
    for number, packed in batches:
        if is_file(packed):
            frame = pl.read_parquet(io.BytesIO(packed)).with_columns(pl.lit(number, pl.Int64).alias(BATCH))
            frames += [*_frame_of(few), frame]
            few = []
        else:
            few += [row | {BATCH: number} for row in json.decode(zlib.decompress(packed), type=list[dict[str, Any]])]
    rows = together([*frames, *_frame_of(few)])
    return rows if numbered else rows.drop(BATCH, strict=False)


def is_file(piece: bytes) -> bool:
    """Say whether a piece is a whole Parquet file."""
    return piece.startswith(_MAGIC)


def together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Put rows with different columns into one frame."""
    return pl.concat(frames, how="diagonal") if frames else pl.DataFrame(schema={TIME: SCHEMA[TIME]})


def _frame_of(rows: list[dict[str, Any]]) -> list[pl.DataFrame]:
    if not rows:
        return []
    names = {name for row in rows for name in row}
    physical = {name: pl.Int64() if name in _MOMENTS else SCHEMA[name] for name in SCHEMA if name in names}
    frame = pl.DataFrame(rows, schema=physical | {BATCH: pl.Int64()})
    return [frame.with_columns(pl.col(name).cast(SCHEMA[name]) for name in _MOMENTS if name in names)]
