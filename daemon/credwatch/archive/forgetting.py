"""Lets the archive forget: days, classes of fields, and customers whose service is over.

A field is forgotten by writing the file of its day without it. The class of a field, and what is in a file, say what is
left to do, so that nothing else has to be remembered, and what was interrupted is done again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from functools import partial

import polars as pl
from msgspec import Struct

from credwatch.archive.classes import OF_CLASS, FieldClass
from credwatch.archive.days import write
from credwatch.archive.folder import ArchiveFolder, DayFile
from credwatch.archive.options import ArchiveRetentionOptions
from credwatch.archive.sealing import CUSTOMER


class Forgotten(Struct):
    """What went."""

    days: int = 0
    """Days as a whole."""
    rewritten: int = 0
    """Days that were written without some fields or customers."""


def forget(
    folder: ArchiveFolder, now: datetime, kept: ArchiveRetentionOptions, customers: Collection[str] = ()
) -> Forgotten:
    """Delete days that are over, and take from the others what is kept no longer; raises ArchiveError.

    `customers` are the ids of those of whom nothing is kept any more.
    """
    forgotten = Forgotten()
    for file in folder.days().values():
        if _age(file, now) > kept.events:
            folder.remove(file.path)
            forgotten.days += 1
        elif _thin(folder, file, _due(file, now, kept), customers):
            forgotten.rewritten += 1
    return forgotten


def _age(file: DayFile, now: datetime) -> timedelta:
    """Tell how long ago the last event of a day may have been."""
    return now - datetime.combine(file.day, time.max, UTC)


def _due(file: DayFile, now: datetime, kept: ArchiveRetentionOptions) -> set[str]:
    """Name the fields whose time is over."""
    return {name for kind in FieldClass if _age(file, now) > getattr(kept, kind.value) for name in OF_CLASS[kind]}


def _thin(folder: ArchiveFolder, file: DayFile, fields: set[str], customers: Collection[str]) -> bool:
    """Write a file without some fields and customers, where it has any of them; says whether it had."""
    scan = pl.scan_parquet(file.path)
    columns = pl.read_parquet_schema(file.path)
    theirs = pl.col(CUSTOMER).is_in([*customers]).fill_null(value=False) if CUSTOMER in columns else pl.lit(False)
    has_some = bool(customers) and scan.select(theirs.any()).collect(engine="streaming").item()
    if not has_some and fields.isdisjoint(columns):
        return False
    rest = scan.filter(~theirs).select(name for name in columns if name not in fields)
    folder.put(file.path, partial(write, rest))
    return True
