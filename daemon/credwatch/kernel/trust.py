"""Which authorities vouch for the servers that are spoken to over TLS."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path


def trust_of(file: Path | None) -> ssl.SSLContext:
    """Give the authorities of a PEM file, or the system's; raises OSError where the file is none.

    Read once for as long as the file does not change: those of the system take a tenth of a second.
    """
    return _read(file, file.stat().st_mtime_ns if file else 0)


@cache
def _read(file: Path | None, _changed_at: int) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
