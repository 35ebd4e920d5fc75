"""Knows a file again whatever rotation made of its name, and the files that were rotated after it."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from credwatch.kernel.errors import SourceError
from credwatch.sources.file.folders import COMPRESSED, UNREADABLE, Folders, Rank
from credwatch.sources.file.opened import OpenLog, open_generation
from credwatch.sources.interface import Cursor

FINGERPRINT_BYTES = 256
"""How much of a file's beginning tells it from another with the same, reused, inode number."""


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
    def of(cls, log: OpenLog, offset: int, *, skipping: bool = False) -> Mark:
        """Mark an open file at an offset; raises OSError."""
        status = log.status()
        width = min(offset, FINGERPRINT_BYTES)
        return cls(status.st_ino, _digest(log, width), width, offset, status.st_mtime_ns, skipping)

    @classmethod
    def from_cursor(cls, cursor: Cursor, *, where: str) -> Mark:
        """Read a stored cursor; raises SourceError where it is not one of a followed file."""
        try:
            return cls(**cursor)
        except TypeError as error:
            hint = "the store holds it for a source of another kind: give the source another name"
            raise SourceError("the stored cursor is not that of a followed file", where=where, hint=hint) from error

    def advanced(self, log: OpenLog, offset: int, *, skipping: bool) -> Mark:
        """Move on within the same open file; raises OSError.

        A full fingerprint is kept, so that content which came after a truncation cannot pass for what was read.
        """
        if self.width < FINGERPRINT_BYTES:
            return Mark.of(log, offset, skipping=skipping)
        modified = log.status().st_mtime_ns
        return replace(self, offset=offset, modified=modified, skipping=skipping)

    def at(self, offset: int, beginning: bytes, *, skipping: bool = False) -> Mark:
        """Go back to an offset before its own in the same file, whose first bytes are given where it is near them."""
        width = min(offset, self.width)
        fingerprint = self.fingerprint if width == self.width else _digest_of(beginning[:width])
        return replace(self, offset=offset, width=width, fingerprint=fingerprint, skipping=skipping)

    def on(self, log: OpenLog) -> Mark:
        """Carry it over to the open file that it was found to fit: a copy has an inode number of its own."""
        return replace(self, inode=log.status().st_ino)

    def to_cursor(self) -> dict[str, Any]:
        """Write it as a cursor."""
        return asdict(self)

    def fits(self, log: OpenLog) -> bool:
        """Tell whether an open file begins as this one does and is at least as long; raises OSError."""
        is_so_long = not self.offset or bool(log.read_at(1, self.offset - 1))
        return _digest(log, self.width) == self.fingerprint and is_so_long


# The idea. Rotation leaves a file its inode number and takes its name, so a mark goes by inode number and first bytes:
#
#     before      auth.log.2.gz    auth.log.1     auth.log  (inode 7, read up to 4000)
#     renamed     auth.log.3.gz    auth.log.2.gz  auth.log.1  (inode 7: read from 4000 on)    auth.log  (inode 9: then)
#     compressed  the same bytes under another inode number: told by the fingerprint
#     copied      `copytruncate` writes a copy and empties inode 7: the copy is told by the fingerprint too
#
# After the marked file comes the next younger name of the same style. Where the marked file is gone, the files that
# were written to after it come, the oldest first; where there is none, the file at the path.
#
# The cost is one listing of the folder where it has changed; only where no inode number fits are compressed files
# opened, from the youngest, to compare at most `FINGERPRINT_BYTES` of each.
class Lineage(Struct, frozen=True):
    """The files that one path has led to, as far as they are there: what it leads to now, and the rotated ones."""

    path: Path
    """Where the log is written."""
    inode: int | None
    """The inode number of the file that is there now; None where there is none."""
    generations: tuple[tuple[Rank, Path, int], ...]
    """The rotated files: rank, path and inode number, those of each style of naming from the oldest."""

    @classmethod
    def of(cls, path: Path, folders: Folders) -> Lineage:
        """Look at what is there now; raises OSError."""
        base = _real(path).name
        ranked = [
            (rank, folder / name, listing.inodes[name])
            for folder in _folders_of(path)
            for listing in [folders.listing(folder)]
            for rank, name in listing.generations.get(base, ())
            if not name.endswith(UNREADABLE)
        ]
        plain = {(rank, sibling.parent) for rank, sibling, _ in ranked if sibling.suffix not in COMPRESSED}
        # While a file is being compressed both are there, and only the plain one is whole.
        whole = (it for it in ranked if it[1].suffix not in COMPRESSED or (it[0], it[1].parent) not in plain)
        return cls(path, _inode(path), tuple(sorted(whole)))

    def successor(self, mark: Mark, *, is_lost: bool = False) -> tuple[Path, int | None]:
        """Name the file begun after the marked one, with its inode number: a rotated one between them, or the path.

        Where the marked file is still there, the rotated files with younger names of the same style follow it; where
        it is deleted or lost, those that were written to after it.
        """
        own = None if is_lost else self._rank_of(mark)
        later = self._named_after(own) if own else self._written_after(mark)
        return next(iter(later), (self.path, self.inode))

    def _rank_of(self, mark: Mark) -> Rank | None:
        """Find the marked file, or what compressing made of it."""
        own = next((rank for rank, _, inode in self.generations if inode == mark.inode), None)
        packed = [(rank, path) for rank, path, _ in self.generations if path.suffix in COMPRESSED]
        if own or not mark.width:
            return own
        return next((rank for rank, path in reversed(packed) if _begins_as(mark, path)), None)

    def _named_after(self, own: Rank) -> list[tuple[Path, int | None]]:
        return [(path, inode) for (form, age), path, inode in self.generations if form == own[0] and age > own[1]]

    def _written_after(self, mark: Mark) -> list[tuple[Path, int | None]]:
        candidates = sorted((path.stat().st_mtime_ns, path, inode) for _, path, inode in self.generations)
        return [(path, inode) for when, path, inode in candidates if _is_after(mark, when)]


def _begins_as(mark: Mark, path: Path) -> bool:
    with contextlib.suppress(OSError):
        log = open_generation(path)
        try:
            return _digest(log, mark.width) == mark.fingerprint
        finally:
            log.close()
    return False


def _is_after(mark: Mark, modified: int) -> bool:
    """Tell whether a file written last at a time may hold lines that were not read of the marked one or came after it.

    Where nothing was read of the marked one it may be that one, compressed: then the time is the same, in nanoseconds,
    or in seconds where its packer knows no more.
    """
    if mark.width:
        return modified > mark.modified
    return modified >= (mark.modified if modified % 1_000_000_000 else mark.modified // 1_000_000_000 * 1_000_000_000)


def open_successor(mark: Mark, path: Path, folders: Folders, *, is_lost: bool = False) -> OpenLog | None:
    """Open the file that was begun after the marked one; None where names change meanwhile, or it is not there.

    A rotation between the choice of a name and its opening would skip a file: what was opened must be what was chosen,
    and nothing may have been renamed in between. Raises OSError where the file cannot be read.
    """
    try:
        before = Lineage.of(path, folders)
        following, inode = before.successor(mark, is_lost=is_lost)
        log = open_generation(following)
    except FileNotFoundError:
        return None
    if log.status().st_ino == inode and Lineage.of(path, folders) == before:
        return log
    log.close()
    return None


def has_no_successor(mark: Mark, path: Path, folders: Folders) -> bool:
    """Tell whether nothing came after the marked file, and nothing is being renamed; raises OSError.

    Between the renaming of a log and the making of the next there is none either, and it may be compressed by then.
    """
    before = Lineage.of(path, folders)
    is_last = before.inode is None and before.successor(mark)[0] == path
    return is_last and Lineage.of(path, folders) == before


def open_in_place(mark: Mark, path: Path) -> OpenLog | None:
    """Open the marked file where it is still at its path; raises OSError where that cannot be read."""
    return _open_if(mark, path, inode=mark.inode)


def open_at(mark: Mark, path: Path, folders: Folders) -> OpenLog | None:
    """Open the file that a mark was made on, at its path or under the name that rotation gave it.

    It is known by its inode number and fingerprint; a copy (made by copytruncate, or from a backup) by its fingerprint
    alone. None where it is nowhere. Raises OSError where the file at the path itself cannot be read.
    """
    log = open_in_place(mark, path)
    if log is not None:
        return log
    for folder in _folders_of(path):
        name = folders.listing(folder).names.get(mark.inode)
        if name and (log := _open_if(mark, folder / name, inode=mark.inode)) is not None:
            return log
    return open_copy(mark, path, folders)


def open_copy(mark: Mark, path: Path, folders: Folders) -> OpenLog | None:
    """Open the file at the path or the youngest rotated one that begins as the marked one did; None where none does."""
    if not mark.width:
        return None
    generations = Lineage.of(path, folders).generations
    for candidate in (path, *(sibling for _, sibling, _ in reversed(generations))):
        with contextlib.suppress(OSError):  # a neighbour that cannot be read is not the copy that is looked for
            log = _open_if(mark, candidate)
            if log is not None:
                return log
    return None


def _digest(log: OpenLog, width: int) -> str:
    return _digest_of(log.read_at(width, 0))


def _digest_of(beginning: bytes) -> str:
    return hashlib.blake2b(beginning, digest_size=16).hexdigest()


def _open_if(mark: Mark, path: Path, inode: int | None = None) -> OpenLog | None:
    """Open a file where the mark fits it; a file that is missing, or not a regular one, does not fit."""
    try:
        log = open_generation(path)
    except FileNotFoundError:
        return None
    if (inode is None or log.status().st_ino == inode) and mark.fits(log):
        return log
    log.close()
    return None


def _folders_of(path: Path) -> tuple[Path, ...]:
    """Name the folder of the path, and that of what it links to."""
    return tuple(dict.fromkeys((path.parent, _real(path).parent)))


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _real(path: Path) -> Path:
    # Only a link leads elsewhere: to resolve every folder above each of a thousand logs is dear.
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114
