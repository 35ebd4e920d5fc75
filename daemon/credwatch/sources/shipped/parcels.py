"""Makes parcels of what was shipped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b

from credwatch.sources.interface import LINE_LIMIT
from credwatch.sources.received.parcel import Parcel, Shipped
from credwatch.sources.shipped.batch import LogBatch


def batch_parcel(batch: LogBatch, file_of: Callable[[str], str], now: datetime, *, waits: bool) -> Parcel:
    """Make a parcel of a batch; `waits` says that what is missing before it may come after it."""
    shipped = Shipped(
        series=batch.series,
        begin=batch.begin,
        end=batch.end,
        waits=waits,
        before=batch.before,
        reference=batch.reference,
        host=batch.host,
        format=batch.format or "",
        zone=batch.zone,
    )
    return Parcel(file_of(f"{batch.host}:{batch.log}"), batch.data, "", now, shipped=shipped)


def digest_parcel(body: bytes, reason: str, file: str, now: datetime) -> Parcel:
    """Make a parcel of a body that is set aside, known again by its digest."""
    digest = blake2b(body, digest_size=16).hexdigest()
    data = kept_lines(body)
    shipped = Shipped(series=digest, begin=0, end=len(data), is_joined=False, refused=reason)
    return Parcel(file, data, digest, now, shipped=shipped)


def kept_lines(text: bytes) -> bytes:
    """Make whole lines of any bytes, none of them longer than a line may be: of a longer one the rest is dropped."""
    lines = (line.removesuffix(b"\r")[:LINE_LIMIT] for line in text.split(b"\n"))
    return b"".join(line + b"\n" for line in lines if line.strip())
