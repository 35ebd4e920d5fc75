"""The public ranges on the disk: a folder with a file for each of the 1,048,576, or one file with all the hashes."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from msgspec import Struct

from credwatch.policy.corpus.layout import CorpusError, HashKind
from credwatch.policy.corpus.rows import BadRow, Rows, rows_of

_NAME = re.compile(r"([0-9A-Fa-f]{5})(?:\.txt)?(?:\.gz)?")
_BATCH_ROWS = 1 << 19
_READ_BYTES = 16 * 1024 * 1024
MOST_RANGE_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?([0-9A-Fa-f]{40}|[0-9A-Fa-f]{32}|[0-9A-Fa-f]{35}|[0-9A-Fa-f]{27}):")
_WIDTHS = {40: HashKind.SHA1, 35: HashKind.SHA1, 32: HashKind.NTLM, 27: HashKind.NTLM}
_IN_ORDER = "take the ranges, or the file that is ordered by hash"
_AGAIN = "wait until it is there as a whole, then build again"


class RangeFile(Struct, frozen=True):
    """The file of one range."""

    prefix: int
    """The first five digits of its hashes."""
    path: Path
    """Where it is."""


class Ranges(Struct, frozen=True):
    """What a corpus can be built from."""

    place: Path
    """The folder, or the one file."""
    kind: HashKind
    """Of which hash it is."""
    files: tuple[RangeFile, ...] | None
    """The files of a folder in their order; None where it is one file."""
    newest: str
    """When the newest file of it was written, as a date."""

    def batches(self) -> Iterator[Rows]:
        """Give all rows in the order of their hashes, some hundred thousand at a time.

        Raises CorpusError with the file and line where a line is not what it should be or not in order, and where a
        file is changed while it is read.
        """
        return _whole_file(self.place, self.kind) if self.files is None else _folder(self.files, self.kind)


def ranges_at(place: Path) -> Ranges:
    """Look at a folder or a file; raises CorpusError where no ranges are there."""
    try:
        if place.is_dir():
            files = range_files(place)
            if not files:
                raise CorpusError(
                    "no file of a range is there",
                    where=str(place),
                    hint="the ranges are files such as 5BAA6.txt or 5BAA6.gz, in folders of any depth",
                )
            newest = max(file.path.stat().st_mtime for file in files)
            return Ranges(place, _kind_of(files[0].path), files, _date(newest))
        return Ranges(place, _kind_of(place), None, _date(place.stat().st_mtime))
    except OSError as error:
        raise _unreadable(place, error) from error


def range_files(folder: Path) -> tuple[RangeFile, ...]:
    """Find the files of ranges below a folder; raises CorpusError where two are of one range, OSError as it comes."""
    paths: dict[int, Path] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            match = _NAME.fullmatch(name)
            if match is None:
                continue
            prefix, path = int(match[1], 16), Path(parent, name)
            if prefix in paths:
                raise CorpusError(
                    f"two files are of the range {match[1].upper()}",
                    where=f"{paths[prefix]}, {path}",
                    hint="remove one",
                )
            paths[prefix] = path
    return tuple(RangeFile(prefix, paths[prefix]) for prefix in sorted(paths))


def text_of_range(folder: Path, name: str) -> bytes:
    """Return the text of one range, of which `name` is the five digits; raises CorpusError where it is not there."""
    for parent in (folder / name[:3], folder):
        for suffix in (".gz", ".txt", ".txt.gz", ""):
            path = parent / f"{name}{suffix}"
            if path.is_file():
                return range_text(path)
    raise CorpusError(
        f"the range {name} is not there", where=str(folder), hint="fetch it with `credwatch corpus update`"
    )


def range_text(path: Path) -> bytes:
    """Read the file of a range, unpacked; raises CorpusError, also where it is empty: no range is."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            raw = file.read(MOST_RANGE_BYTES + 1)
            _hold_unchanged(path, before, os.fstat(file.fileno()))
    except OSError as error:
        raise _unreadable(path, error) from error
    text = unpacked(raw, str(path)) if path.suffix == ".gz" else raw.removeprefix(_BOM)
    if not text or len(text) > MOST_RANGE_BYTES:
        raise CorpusError(
            f"expected the text of a range, 1 to {MOST_RANGE_BYTES:,} bytes", where=str(path), hint="fetch it again"
        )
    return text


def unpacked(raw: bytes, where: str) -> bytes:
    """Unpack gzip, one byte more than a range may have at most; raises CorpusError where it is torn or no gzip."""
    try:
        return gzip.GzipFile(fileobj=BytesIO(raw)).read(MOST_RANGE_BYTES + 1).removeprefix(_BOM)
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"it cannot be unpacked: {error}", where=where, hint="fetch it again") from error


def rows_of_range(text: bytes, kind: HashKind, prefix: int, where: str) -> Rows:
    """Read the text of one range, whose last line may lack its end; raises CorpusError."""
    return _read(text if text.endswith(b"\n") or not text else text + b"\n", kind, prefix, where, 0)


def _folder(files: tuple[RangeFile, ...], kind: HashKind) -> Iterator[Rows]:
    waiting: list[Rows] = []
    count = 0
    for file in files:
        rows = rows_of_range(range_text(file.path), kind, file.prefix, str(file.path))
        waiting.append(rows)
        count += len(rows.keys)
        if count >= _BATCH_ROWS:
            yield _joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield _joined(waiting)


def _whole_file(path: Path, kind: HashKind) -> Iterator[Rows]:
    lines, last, rest = 0, 0, b""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            while chunk := file.read(_READ_BYTES):
                _hold_unchanged(path, before, os.fstat(file.fileno()))
                chunk = rest + (chunk if lines or rest else chunk.removeprefix(_BOM))
                end = chunk.rfind(b"\n") + 1
                text, rest = chunk[:end], chunk[end:]
                rows = _read(text, kind, None, str(path), lines)
                last = _hold_behind(rows, last, f"{path}: line {lines + 1}")
                lines += text.count(b"\n")
                yield rows
            rows = _read(rest + b"\n" if rest else b"", kind, None, str(path), lines)
            _hold_behind(rows, last, f"{path}: line {lines + 1}")
            yield rows
            _hold_unchanged(path, before, os.fstat(file.fileno()))
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(text: bytes, kind: HashKind, prefix: int | None, where: str, lines: int) -> Rows:
    try:
        return rows_of(text, kind, prefix)
    except BadRow as error:
        hint = _IN_ORDER if "order" in error.problem else f"the ranges of {kind.value} have lines HASH:COUNT"
        raise CorpusError(error.problem, where=f"{where}: line {lines + error.line + 1}", hint=hint) from error


def _hold_behind(rows: Rows, last: int, where: str) -> int:
    """Return the last key of some rows; raises CorpusError where the first stands before the one read last."""
    if not len(rows.keys):
        return last
    if int(rows.keys[0]) < last:
        raise CorpusError("it is less than the line before: the hashes are not in order", where=where, hint=_IN_ORDER)
    return int(rows.keys[-1])


def _hold_unchanged(path: Path, before: os.stat_result, after: os.stat_result) -> None:
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise CorpusError("it was changed while it was read", where=str(path), hint=_AGAIN)


def _joined(waiting: list[Rows]) -> Rows:
    return Rows(np.concatenate([rows.keys for rows in waiting]), np.concatenate([rows.counts for rows in waiting]))


def _kind_of(path: Path) -> HashKind:
    """Tell from the first line of which hash a file is."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            match = _FIRST_LINE.match(file.read(64))
    except (EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error
    if match is None:
        raise CorpusError(
            "expected HASH:COUNT in hexadecimal digits, as the public ranges have it",
            where=f"{path}: line 1",
            hint="name a folder of ranges, or one file that is ordered by hash",
        )
    return _WIDTHS[len(match[1])]


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _unreadable(place: Path, error: Exception) -> CorpusError:
    problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return CorpusError(
        f"it cannot be read: {problem}", where=str(place), hint="check that it is whole, and permissions"
    )
