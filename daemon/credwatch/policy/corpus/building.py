"""Builds a corpus: rows stream through in order, and the file takes its name when it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from credwatch.policy.corpus.layout import (
    BLOCK_BYTES,
    HEADER_BYTES,
    MOST_ROWS,
    RANGES,
    CorpusError,
    CorpusHeader,
    written_header,
)
from credwatch.policy.corpus.ranges import Ranges
from credwatch.policy.corpus.rows import Rows

OnRows = Callable[[int], None]
"""Told how many rows were just read."""

_COPY_BYTES = 4 * 1024 * 1024


def build_corpus(
    ranges: Ranges, target: Path, *, most_rows: int | None = None, on_rows: OnRows = lambda _rows: None
) -> CorpusHeader:
    """Build a corpus from the public ranges and put it in the place of `target` at once; return what it says of itself.

    With `most_rows` it has that many of the passwords seen most often; the ranges are then read twice. Memory stays
    within some tens of MiB. Raises CorpusError; what was at `target` stays as it was then.
    """
    enough = _Rarity(ranges, most_rows, on_rows) if most_rows is not None else None
    try:
        with _in_place_of(target) as file, tempfile.TemporaryFile(dir=target.parent) as low:
            writer = _Writer(file, low)
            for rows in ranges.batches():
                writer.add(rows if enough is None else enough.common(rows))
                on_rows(len(rows.keys))
            return writer.finish(ranges, enough.seen_at_least if enough else 1)
    except OSError as error:
        raise CorpusError(
            f"it cannot be written: {error.strerror}", where=str(target), hint="check free space and permissions"
        ) from error


class _Rarity:
    """Decides which rows are among the most common; of those equally common the first in the order of hashes."""

    def __init__(self, ranges: Ranges, most: int, on_rows: OnRows) -> None:
        tally: dict[int, int] = {}
        for rows in ranges.batches():
            for count, times in zip(*np.unique(rows.counts, return_counts=True), strict=True):
                tally[int(count)] = tally.get(int(count), 0) + int(times)
            on_rows(len(rows.keys))
        self.seen_at_least, self._left = 1, 0
        for count in sorted(tally, reverse=True):
            self.seen_at_least, self._left = count, most
            most -= tally[count]
            if most <= 0:
                break

    def common(self, rows: Rows) -> Rows:
        """Leave out what is too rare."""
        kept = rows.counts > self.seen_at_least
        rarest = np.flatnonzero(rows.counts == self.seen_at_least)[: self._left]
        self._left -= len(rarest)
        kept[rarest] = True
        return Rows(rows.keys[kept], rows.counts[kept])


class _Writer:
    """Writes rows into the columns of a file, the last of them by way of another file."""

    def __init__(self, file: BinaryIO, low: BinaryIO) -> None:
        self._body = _Digested(file)
        self._file = file
        self._low = low
        self._sizes = np.zeros(RANGES, np.uint32)
        self._rows = 0
        file.write(bytes(HEADER_BYTES))

    def add(self, rows: Rows) -> None:
        """Take the next rows, which stand behind all others."""
        keys = rows.keys
        prefixes, sizes = np.unique(keys >> np.uint64(40), return_counts=True)
        self._sizes[prefixes.astype(np.int64)] += sizes.astype(np.uint32)
        self._rows += len(keys)
        if self._rows > MOST_ROWS:
            raise CorpusError(f"more than {MOST_ROWS:,} rows", hint="build a corpus of the most common with --top")
        self._body.write(((keys >> np.uint64(8)) & np.uint64(0xFFFFFFFF)).astype("<u4").tobytes())
        self._low.write((keys & np.uint64(0xFF)).astype(np.uint8).tobytes())

    def finish(self, ranges: Ranges, seen_at_least: int) -> CorpusHeader:
        """Write what comes behind the rows, and last the header."""
        self._low.seek(0)
        while chunk := self._low.read(_COPY_BYTES):
            self._body.write(chunk)
        self._body.write(_index(self._sizes).tobytes())
        header = CorpusHeader(ranges.kind, self._rows, int(np.count_nonzero(self._sizes)), ranges.newest, seen_at_least)
        raw, digests = written_header(header), self._body.digests()
        self._file.write(digests + hashlib.sha256(raw + digests).digest())
        self._file.seek(0)
        self._file.write(raw)
        return header


class _Digested:
    """Writes on, and has the SHA-256 of each block of what went by."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._blocks: list[bytes] = []
        self._block, self._left = hashlib.sha256(), BLOCK_BYTES

    def write(self, data: bytes) -> None:
        """Write some bytes."""
        self._file.write(data)
        rest = memoryview(data)
        while len(rest):
            piece, rest = rest[: self._left], rest[self._left :]
            self._block.update(piece)
            self._left -= len(piece)
            if not self._left:
                self._end()

    def digests(self) -> bytes:
        """Return the digests of all blocks, one behind the other."""
        if self._left < BLOCK_BYTES:
            self._end()
        return b"".join(self._blocks)

    def _end(self) -> None:
        self._blocks.append(self._block.digest())
        self._block, self._left = hashlib.sha256(), BLOCK_BYTES


def _index(sizes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return np.concatenate((np.zeros(1, np.uint64), np.cumsum(sizes, dtype=np.uint64))).astype("<u4")


@contextlib.contextmanager
def _in_place_of(target: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the place of another when the block ends well, and is removed when it does not."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o644)  # it holds what is public, and the daemon has a user of its own
            os.fsync(file.fileno())
        unfinished.replace(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
