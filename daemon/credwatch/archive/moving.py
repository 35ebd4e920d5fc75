"""Moves events from the store into segments: many as they were packed, few together, so that files stay few."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import polars as pl

from credwatch.archive.folder import ArchiveFolder
from credwatch.archive.form import Numbered, is_file, unpacked


def move(folder: ArchiveFolder, batches: Iterable[Numbered]) -> None:
    """Write batches, which are in the order of their numbers, as segments; raises ArchiveError."""
    few: list[Numbered] = []
    for number, packed in batches:
        if not is_file(packed):
            few.append((number, packed))
            continue
        _write_together(folder, few)
        few = []
        folder.put(folder.segment_path(number, number), partial(_write_as_it_is, packed))
    _write_together(folder, few)


def _write_together(folder: ArchiveFolder, few: list[Numbered]) -> None:
    if few:
        rows = unpacked(few)
        folder.put(folder.segment_path(few[0][0], few[-1][0]), partial(_write, rows))


def _write_as_it_is(packed: bytes, path: Path) -> None:
    path.write_bytes(packed)


def _write(rows: pl.DataFrame, path: Path) -> None:
    file = io.BytesIO()
    rows.write_parquet(file, compression="zstd", compression_level=1)
    path.write_bytes(file.getvalue())
