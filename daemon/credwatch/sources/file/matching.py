"""Finds the logs that the paths and globs of a source name, among rotated, compressed and linked files."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from credwatch.sources.file.folders import COMPRESSED, bases_of


def matches(paths: Sequence[str], followed: Collection[Path], remembered: Collection[Path]) -> list[Path]:
    """List each plain path, and each match of a glob that is not followed yet and is no rotated file.

    `remembered` are logs that are not there now, by whose names rotated ones are known. The cost grows with the number
    of files, not with their pairs: each name tells of which logs it may be a rotated one, and that is looked up.
    """
    plain = [Path(path) for path in paths if not glob.has_magic(path)]
    globbed = {Path(path) for pattern in paths if glob.has_magic(pattern) for path in _expand(pattern)}
    others = {*followed, *remembered, *plain, *globbed}
    fresh = sorted(path for path in globbed.difference(followed, plain) if _is_log(path, others))
    return [*dict.fromkeys(plain), *_once(fresh, (*followed, *plain))]


def fixed_folder(pattern: str) -> Path:
    """Name the deepest folder of a pattern that has no wildcard in it."""
    folder = Path(pattern).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder


def _is_log(path: Path, others: Collection[Path]) -> bool:
    """Tell whether a match is to be followed: not a folder, compressed, rotated, or a link to another match."""
    if path.suffix in COMPRESSED or any(path.parent / base in others for base, _ in bases_of(path.name)):
        return False
    # Not Path.is_dir and its like: they raise where a folder may not be searched.
    if os.path.isdir(path):  # noqa: PTH112
        return False
    return not (os.path.islink(path) and Path(os.path.realpath(path)) in others)  # noqa: PTH114


def _once(fresh: Sequence[Path], others: Iterable[Path]) -> list[Path]:
    """Leave out what is one file by hard links with another match; costs one look at each fresh path, and no more
    where none has a second name.
    """
    linked = {path: identity for path in fresh if (identity := _linked(path)) is not None}
    if not linked:
        return [*fresh]
    identities = {identity for path in others if (identity := _linked(path)) is not None}
    once = []
    for path in fresh:
        if (identity := linked.get(path)) not in identities:
            once.append(path)
        if identity is not None:
            identities.add(identity)
    return once


def _linked(path: Path) -> tuple[int, int] | None:
    """Give what a file with several names is known by; None for any other, and where there is none."""
    with suppress(OSError):
        status = os.lstat(path)
        if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
            return status.st_dev, status.st_ino
    return None


def _expand(pattern: str) -> list[str]:
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
