"""Knows a file again whatever rotation made of its name, and the files that were rotated after it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import Cursor

FINGERPRINT_BYTES = 256
"""How much of a file's beginning tells it from another with the same, reused, inode number."""

_LONGEST_COUNT = 5
"""A suffix of more digits than this is a date or a Unix time: it grows with time, while a count grows with age."""

COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".lz4")
"""Endings of rotated files that are no longer lines."""


class Mark(Struct, frozen=True):
    """How far one file has been read, and how to know that file again: what a cursor holds.

    The device number is left out, for it may differ after a reboot.
    """

    inode: int
    """Its inode number."""
    fingerprint: str
    """The digest of its first `width` bytes, in hexadecimal digits."""
    width: int
    """How many bytes the fingerprint covers: what has been read, up to `FINGERPRINT_BYTES`."""
    offset: int
    """How many bytes have been read."""
    modified: int
    """When it had been written last, in nanoseconds since 1970."""
    skipping: bool = False
    """True where the offset lies within an over-long line whose rest is to be dropped."""

    @classmethod
    def of(cls, descriptor: int, offset: int, *, skipping: bool = False) -> Mark:
        """Mark an open file at an offset; raises OSError."""
        status = os.fstat(descriptor)
        width = min(offset, FINGERPRINT_BYTES)
        return cls(status.st_ino, _digest(descriptor, width), width, offset, status.st_mtime_ns, skipping)

    @classmethod
    def from_cursor(cls, cursor: Cursor, *, where: str) -> Mark:
        """Read a stored cursor; raises SourceError where it is not one of a followed file."""
        try:
            return cls(**cursor)
        except TypeError as error:
            hint = "the store holds it for a source of another kind: give the source another name"
            raise SourceError("the stored cursor is not that of a followed file", where=where, hint=hint) from error

    def advanced(self, descriptor: int, offset: int, *, skipping: bool) -> Mark:
        """Move on within the same open file; raises OSError.

        A full fingerprint is kept, so that content which came after a truncation cannot pass for what was read.
        """
        if self.width < FINGERPRINT_BYTES:
            return Mark.of(descriptor, offset, skipping=skipping)
        modified = os.fstat(descriptor).st_mtime_ns
        return replace(self, offset=offset, modified=modified, skipping=skipping)

    def at(self, offset: int, beginning: bytes) -> Mark:
        """Go back to an offset before its own in the same file, whose first bytes are given where it is near them."""
        width = min(offset, self.width)
        fingerprint = self.fingerprint if width == self.width else _digest_of(beginning[:width])
        return replace(self, offset=offset, width=width, fingerprint=fingerprint, skipping=False)

    def on(self, descriptor: int) -> Mark:
        """Carry it over to the open file that it was found to fit: a copy has an inode number of its own."""
        return replace(self, inode=os.fstat(descriptor).st_ino)

    def to_cursor(self) -> dict[str, Any]:
        """Write it as a cursor."""
        return asdict(self)

    def fits(self, descriptor: int) -> bool:
        """Tell whether an open file begins as this one does and is at least as long; raises OSError."""
        return os.fstat(descriptor).st_size >= self.offset and _digest(descriptor, self.width) == self.fingerprint


def open_at(mark: Mark, path: Path) -> int | None:
    """Open the file that a mark was made on, at its path or under the name that rotation gave it.

    It is known by its inode number and fingerprint; a copy (made by copytruncate, or from a backup) by its fingerprint
    alone. None where it is nowhere. Raises OSError where the file at the path itself cannot be read.
    """
    descriptor = _open_if(mark, path, inode=mark.inode)
    if descriptor is not None:
        return descriptor
    for candidate in [sibling for sibling, inode in _siblings(path) if inode == mark.inode]:
        descriptor = _open_if(mark, candidate, inode=mark.inode)
        if descriptor is not None:
            return descriptor
    return open_copy(mark, path)


def open_copy(mark: Mark, path: Path) -> int | None:
    """Open the file at the path or the youngest rotated one that begins as the marked one did; None where none does."""
    if not mark.width:
        return None
    for candidate in (path, *reversed(_generations(path))):
        with contextlib.suppress(PermissionError):
            descriptor = _open_if(mark, candidate)
            if descriptor is not None:
                return descriptor
    return None


def successor(mark: Mark, path: Path, *, is_lost: bool = False) -> Path:
    """Name the file that was begun after the marked one: a rotated file between them, or the path itself.

    Where the marked file is still there, the rotated files with younger names of the same style follow it; where it is
    deleted or lost, those that were written to after it.
    """
    found = None if is_lost else next((sibling for sibling, inode in _siblings(path) if inode == mark.inode), None)
    later = _later_names(path, found) if found else _later_writes(path, mark.modified)
    return later[0] if later else path


def bases(name: str) -> Iterator[str]:
    """Give the names of the logs of which a file of this name would be a rotated one; see `_rank`.

    All are found from the name alone, so that thousands of files in a folder need not be held against each other.
    """
    for stem, ending in ((name, ""), _parted(name)):
        for found in re.finditer(r"[.-](?=\d[\d_T:.-]*$)", stem):
            if found.start():
                yield stem[: found.start()] + ending


def _parted(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return stem, dot + ending


def _digest(descriptor: int, width: int) -> str:
    return _digest_of(os.pread(descriptor, width, 0))


def _digest_of(beginning: bytes) -> str:
    return hashlib.blake2b(beginning, digest_size=16).hexdigest()


def _open_if(mark: Mark, path: Path, inode: int | None = None) -> int | None:
    """Open a file where the mark fits it; a file that is missing, or not a regular one, does not fit."""
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return None
    if (inode is None or os.fstat(descriptor).st_ino == inode) and mark.fits(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def open_regular(path: Path) -> int:
    """Open a regular file for reading, never waiting for a writer; raises OSError, also for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(f"not a regular file: {path}")


def _siblings(path: Path) -> Iterator[tuple[Path, int]]:
    """Give the regular files beside the path, and beside what it links to, with their inode numbers."""
    for folder in dict.fromkeys((path.parent, _real(path).parent)):
        try:
            with os.scandir(folder) as entries:
                found = [(Path(entry.path), entry.inode()) for entry in entries if entry.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            continue
        yield from found


def _generations(path: Path) -> list[Path]:
    """List the rotated files of a path, oldest name first within each style of naming."""
    base = _real(path).name
    ranked = [(rank, sibling) for sibling, _ in _siblings(path) if (rank := _rank(base, sibling.name))]
    return [sibling for _, sibling in sorted(ranked)]


def _later_names(path: Path, found: Path) -> list[Path]:
    base = _real(path).name
    mine = _rank(base, found.name)
    if mine is None:
        return []
    ranks = ((sibling, _rank(base, sibling.name)) for sibling in _generations(path))
    return [sibling for sibling, rank in ranks if rank and rank[0] == mine[0] and rank[1] > mine[1]]


def _later_writes(path: Path, modified: int) -> list[Path]:
    written = [(sibling.stat().st_mtime_ns, sibling) for sibling in _generations(path)]
    return [sibling for when, sibling in sorted(written) if when > modified]


@lru_cache(maxsize=65536)
def _rank(base: str, name: str) -> tuple[str, int] | None:
    """Read a rotated name: its style, and a number that grows towards the present; None where it is not one.

    Known are `auth.log.1` and `auth.log-20260131` (logrotate, with and without dateext) and `auth-20260131.log`
    (its option `extension`).
    """
    stem, dot, ending = base.rpartition(".")
    forms = {"behind": rf"{re.escape(base)}[.-](\d[\d_T:.-]*)"}
    if stem and dot:
        forms["within"] = rf"{re.escape(stem)}[.-](\d[\d_T:.-]*)\.{re.escape(ending)}"
    for form, pattern in forms.items():
        if found := re.fullmatch(pattern, name):
            digits = re.sub(r"\D", "", found[1])
            is_count = len(digits) <= _LONGEST_COUNT
            return (f"{form}-count", -int(digits)) if is_count else (f"{form}-{len(digits)}", int(digits))
    return None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
