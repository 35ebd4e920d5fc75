"""`kind = "objects"`: files that appear whole and never grow, each with many records."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from credwatch.kernel.duration import Duration
from credwatch.sources.named import NamedSource


class ObjectSourceOptions(NamedSource):
    """`kind = "objects"`: the files of a folder, as a bucket that is mounted or synchronised fills it."""

    kind: Literal["objects"]
    """That files appear whole."""
    paths: tuple[str, ...] = Field(min_length=1)
    """Globs of the files; `**` for any depth of folders."""
    records: str = Field(default="", pattern=r"^[\w@$-]*(\.[\w@$-]+)*$")
    """Where in a file, which is one JSON document, the list of records stands; its lines are the records without it."""
    identity: tuple[str, ...] = ()
    """What identifies a record; its file and its place there where nothing is named."""
    interval: Duration = timedelta(seconds=30)
    """How long to wait once nothing is new."""
    overlap: Duration = timedelta(hours=1)
    """How much older than others a file may be by its own time when it appears."""
    object_bytes: int = Field(default=64 * 1024 * 1024, ge=4096, le=1024 * 1024 * 1024)
    """The longest file, unpacked; a longer one is damaged."""

    @field_validator("paths")
    @classmethod
    def _absolute(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not Path(path).is_absolute():
                raise ValueError(f"{path!r} is not absolute; begin it with /")
        return paths
