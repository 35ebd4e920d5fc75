"""Looks passwords up in a corpus, and takes the next one up when it has taken the place of this one."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_left, bisect_right
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import structlog

from credwatch.policy.corpus.digests import key_of_password
from credwatch.policy.corpus.layout import (
    BLOCK_BYTES,
    BUILD_ANEW,
    DIGEST_BYTES,
    HEADER_BYTES,
    INDEX_BYTES,
    RANGES,
    CorpusError,
    CorpusHeader,
    read_header,
)

_log = structlog.get_logger(__name__)

_Version = tuple[int, int, int, int]
"""Device, inode, length and time of a file: another one where it was replaced or written to."""


class Corpus:
    """An open corpus; may be used from any thread.

    The index (4 MiB) is in memory, and the rows of one range are read with `pread`: out of the page cache that is as
    quick as a memory map, and a file that somebody cuts short is an error where a map would end the daemon (SIGBUS).
    """

    def __init__(self, path: Path) -> None:
        """Open a corpus; raises CorpusError where it is not whole, or something else."""
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise CorpusError(
                f"the corpus cannot be read: {error.strerror}", where=str(path), hint="check its path and permissions"
            ) from error
        try:
            self.version = _version(os.fstat(self._descriptor))
            self.header = self._opened_header()
            self._low = HEADER_BYTES + 4 * self.header.rows
            self._index = memoryview(self._read(self._low + self.header.rows, INDEX_BYTES)).cast("I")
        except CorpusError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go; may be called twice."""
        descriptor, self._descriptor = getattr(self, "_descriptor", -1), -1
        if descriptor >= 0:
            os.close(descriptor)

    def holds_password(self, password: str) -> bool:
        """Tell whether a password has been seen in a breach; raises CorpusError where the file cannot tell."""
        return self.holds(key_of_password(password, self.header.kind))

    def holds(self, key: int) -> bool:
        """Tell whether the first 60 bits of a hash are there; raises CorpusError where the file cannot tell."""
        prefix, high, low = key >> 40, (key >> 8) & 0xFFFFFFFF, key & 0xFF
        begin, end = self._index[prefix], self._index[prefix + 1]
        if begin >= end:
            if begin > end:
                raise self._damaged(self._low + self.header.rows + 4 * prefix)
            return False
        column = memoryview(self._read(HEADER_BYTES + 4 * begin, 4 * (end - begin))).cast("I")
        first = bisect_left(column, high)
        last = bisect_right(column, high, first)
        return first < last and low in self._read(self._low + begin + first, last - first)

    def verify(self) -> None:
        """Read the whole file; raises CorpusError with the byte where something is damaged or out of order."""
        self._hold_digests()
        if self._index[0] != 0 or self._index[RANGES] != self.header.rows:
            raise self._damaged(self._low + self.header.rows)
        index = np.frombuffer(self._index, "<u4")
        for prefix in np.flatnonzero(index[1:] != index[:-1]).tolist():
            begin, end = self._index[prefix], self._index[prefix + 1]
            high = memoryview(self._read(HEADER_BYTES + 4 * begin, 4 * (end - begin))).cast("I").tolist()
            rows = [*zip(high, self._read(self._low + begin, end - begin), strict=True)]
            if rows != sorted(rows):
                raise self._damaged(HEADER_BYTES + 4 * begin)

    def _opened_header(self) -> CorpusHeader:
        raw = os.pread(self._descriptor, HEADER_BYTES, 0)
        header = read_header(raw, str(self._path))
        length = os.fstat(self._descriptor).st_size
        if length != header.file_bytes:
            raise CorpusError(
                f"expected {header.file_bytes:,} bytes, found {length:,}",
                where=f"{self._path}: byte {min(length, header.file_bytes)}",
                hint=BUILD_ANEW,
            )
        digests = self._read(HEADER_BYTES + header.body_bytes, DIGEST_BYTES * (header.blocks + 1))
        if hashlib.sha256(raw + digests[:-DIGEST_BYTES]).digest() != digests[-DIGEST_BYTES:]:
            raise self._damaged(0)
        return header

    def _hold_digests(self) -> None:
        end = HEADER_BYTES + self.header.body_bytes
        for number, start in enumerate(range(HEADER_BYTES, end, BLOCK_BYTES)):
            block = hashlib.sha256()
            for place in range(start, min(start + BLOCK_BYTES, end), 1 << 20):
                block.update(self._read(place, min(1 << 20, start + BLOCK_BYTES - place, end - place)))
            if block.digest() != self._read(end + DIGEST_BYTES * number, DIGEST_BYTES):
                raise self._damaged(start)

    def _read(self, place: int, length: int) -> bytes:
        try:
            data = os.pread(self._descriptor, length, place)
        except OSError as error:
            raise CorpusError(
                f"the corpus cannot be read: {error.strerror}", where=f"{self._path}: byte {place}", hint=BUILD_ANEW
            ) from error
        if len(data) != length:
            raise CorpusError(
                "the corpus was cut short while it was read", where=f"{self._path}: byte {place}", hint=BUILD_ANEW
            )
        return data

    def _damaged(self, place: int) -> CorpusError:
        return CorpusError("the corpus is damaged", where=f"{self._path}: byte {place}", hint=BUILD_ANEW)


class CorpusInUse:
    """The corpus at a path, opened again whenever another has taken its place; may be used from any thread.

    A new one that cannot be used is told of once, and the one before is used on: replaced by a rename, it is still
    whole. One that was written over in its place is given up, for what it says now is neither the one nor the other.
    """

    def __init__(self, path: Path) -> None:
        """Open the corpus; where that fails it is told of, and tried again when the file has changed."""
        self._path = path
        self._lock = Lock()
        self._corpus: Corpus | None = None
        self._refused: _Version | None = None
        self._problem = CorpusError("there is no corpus", where=str(path), hint=BUILD_ANEW)
        with suppress(CorpusError):
            self._present()

    @property
    def ready(self) -> bool:
        """Tell whether passwords can be looked up."""
        try:
            self._present()
        except CorpusError:
            return False
        return True

    def source_of(self, password: str) -> str:
        """Say in which corpus a password stands, or nothing where it does not; raises CorpusError."""
        corpus = self._present()
        return corpus.header.source if corpus.holds_password(password) else ""

    def _present(self) -> Corpus:
        with self._lock:
            try:
                version = _version(self._path.stat())
            except OSError as error:
                if self._corpus is None:
                    raise self._problem from error
                return self._corpus  # its file was taken away, and is whole as long as it is open
            if version != self._refused and (self._corpus is None or version != self._corpus.version):
                self._take_up(version)
            if self._corpus is None or (version == self._refused and version[:2] == self._corpus.version[:2]):
                raise self._problem
            return self._corpus

    def _take_up(self, version: _Version) -> None:
        try:
            corpus = Corpus(self._path)
        except CorpusError as error:
            self._refused, self._problem = version, error
            _log.error("corpus_refused", where=error.where, problem=error.message)
            return
        self._corpus, self._refused = corpus, None
        _log.info("corpus_opened", rows=corpus.header.rows, newest=corpus.header.newest)


def _version(status: os.stat_result) -> _Version:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
