"""Builders and a driver for followed files: valid by default, no waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from credwatch.sources.file.source import FileOptions, FileSource
from credwatch.sources.interface import Chunk, Cursor, Source

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Seconds(Struct):
    """A monotonic clock that a test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def a_file_source(
    *paths: Path | str,
    cursors: Mapping[str, Cursor] | None = None,
    start: Literal["end", "start"] = "start",
    grace: float = 0,
    seconds: Seconds | None = None,
) -> FileSource:
    """Open a source on paths, read from the start, without grace time and without a watch."""
    options = FileOptions("auth", tuple(str(path) for path in paths), start, grace)
    return FileSource(options, cursors or {}, clock=lambda: NOW, monotonic=seconds or Seconds())


class Reader(Struct):
    """Reads a source as the pipeline does: keeps the lines and the cursor of each chunk it has committed."""

    source: Source
    lines: list[bytes] = field(default_factory=list)
    cursors: dict[str, Cursor] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)

    def drain(self, limit: int = 65536) -> list[bytes]:
        """Commit everything that waits now; return the lines this call brought."""
        before = len(self.lines)
        while self.step(limit):
            pass
        return self.lines[before:]

    def step(self, limit: int = 65536) -> bool:
        """Commit one chunk; tell whether there was one."""
        chunk = self.source.read(limit)
        if chunk is None:
            return False
        self.chunks.append(chunk)
        self.lines += chunk.data.splitlines()
        self.cursors[chunk.file] = chunk.cursor
        return True


def append(path: Path, text: str | bytes) -> None:
    """Write at the end of a file, as a logger does."""
    with path.open("ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)
