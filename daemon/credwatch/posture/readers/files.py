"""Reads the files that accounts stand in, within a bound."""

from __future__ import annotations

from pathlib import Path

from credwatch.kernel.errors import SourceError


def content_of(path: Path, most: int, hint: str) -> bytes:
    """Read a file of so many bytes at most; raises SourceError where it is longer, or cannot be read.

    `hint` says what to do where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from error
    if len(raw) > most:
        raise SourceError("is too long", where=str(path), hint=f"{most} bytes are read at most")
    return raw
