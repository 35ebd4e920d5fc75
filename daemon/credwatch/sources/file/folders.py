"""Lists folders for the files in them, so that a thousand logs in one folder do not list it a thousand times."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

UNREADABLE = (".lz4",)
"""Endings of compressed files that nothing here unpacks."""

COMPRESSED = (".gz", ".xz", ".bz2", ".zst", *UNREADABLE)
"""Endings of compressed files: they are never followed, only gone on with where they were followed before."""

_LONGEST_COUNT = 5
"""A suffix of more digits than this is a date or a Unix time: it grows with time, while a count grows with age."""

_SETTLED_NANOSECONDS = 100_000_000
"""A folder that changed less long ago may change again without a new time stamp, whose steps are coarse."""

_MOST_FOLDERS = 1024

_COUNTING = r"\d[\d_T:.-]*"

Rank = tuple[str, int]
"""How a rotated name is built, and a number that grows towards the present."""


class Listing(Struct, frozen=True):
    """The regular files of a folder at one moment."""

    inodes: dict[str, int]
    """Inode numbers by name."""
    names: dict[int, str]
    """Names by inode number."""
    generations: dict[str, list[tuple[Rank, str]]]
    """By the name that a log has while it is written: the names of its rotated files, with their ranks."""


class Folders:
    """Lists folders, and again only where they have changed."""

    def __init__(self) -> None:
        self._listings: dict[Path, tuple[tuple[int, int], Listing]] = {}

    def listing(self, folder: Path) -> Listing:
        """List a folder as it is now; empty where there is none. Raises OSError."""
        try:
            status = folder.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
            stored = self._listings.get(folder)
            if stored and stored[0] == stamp:
                return stored[1]
            is_settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NANOSECONDS
            listing = _listing(folder)
        except FileNotFoundError:
            return Listing({}, {}, {})
        if len(self._listings) >= _MOST_FOLDERS:
            self._listings.clear()
        if is_settled:
            self._listings[folder] = (stamp, listing)
        return listing


@lru_cache(maxsize=65536)
def bases_of(name: str) -> tuple[tuple[str, Rank], ...]:
    """Name the logs of which a file so named may be a rotated one, each with its rank among those.

    Known are `auth.log.1` and `auth.log-20260131` (logrotate, with and without dateext) and `auth-20260131.log`
    (its option `extension`), each also compressed.
    """
    stem, ending = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    plain = stem if ending in COMPRESSED else name
    head, dot, last = plain.rpartition(".")
    behind = [(base, _rank("behind", counting)) for base, counting in _splits(plain)]
    within = [(f"{base}.{last}", _rank("within", counting)) for base, counting in _splits(head)] if dot else []
    return (*within, *behind)


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Split a name before each suffix that counts or dates."""
    for match in re.finditer(rf"[.-](?={_COUNTING}$)", name):
        if match.start():
            yield name[: match.start()], name[match.end() :]


def _rank(form: str, counting: str) -> Rank:
    digits = re.sub(r"\D", "", counting)
    is_count = len(digits) <= _LONGEST_COUNT
    return (f"{form}-count", -int(digits)) if is_count else (f"{form}-{len(digits)}", int(digits))


def _listing(folder: Path) -> Listing:
    with os.scandir(folder) as entries:
        inodes = {entry.name: entry.inode() for entry in entries if entry.is_file(follow_symlinks=False)}
    generations: dict[str, list[tuple[Rank, str]]] = {}
    for name in inodes:
        for base, rank in bases_of(name):
            generations.setdefault(base, []).append((rank, name))
    return Listing(inodes, {inode: name for name, inode in inodes.items()}, generations)
