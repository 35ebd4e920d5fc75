"""Finds the logs that the paths and globs of a source name, among rotated, compressed and linked files."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from credwatch.sources.folders import COMPRESSED, bases_of


def matches(paths: Sequence[str], followed: Collection[Path], remembered: Collection[Path]) -> list[Path]:
    """List each plain path, and each match of a glob that is not followed yet and is no rotated file.

    `remembered` are logs that are not there now, by whose names rotated ones are known. The cost grows with the number
    of files, not with their pairs: each name tells of which logs it may be a rotated one, and that is looked up.
    """
    plain = [Path(path) for path in paths if not glob.has_magic(path)]
    globbed = {Path(path) for pattern in paths if glob.has_magic(pattern) for path in _expand(pattern)}
    others = {*followed, *remembered, *plain, *globbed}
    fresh = sorted(path for path in globbed.difference(followed, plain) if _is_log(path, others))
    return [*dict.fromkeys(plain), *fresh]


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


def _expand(pattern: str) -> list[str]:
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
