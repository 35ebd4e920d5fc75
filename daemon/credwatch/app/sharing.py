"""Finds files that two sources name, whose every line would count twice."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from glob import has_magic
from pathlib import Path, PurePath

from credwatch.kernel.errors import Problem, ProblemsFound
from credwatch.sources.file.matching import matches
from credwatch.sources.file.mounts import silent_mounts
from credwatch.sources.options import FileSourceOptions, PlacedSource, files_among

_HINT = "leave it to one of them: each line of it would be counted twice"


def refuse_shared_files(sources: Sequence[PlacedSource]) -> None:
    """Raise ProblemsFound where two sources name one file."""
    if problems := shared_files(sources):
        raise ProblemsFound(problems)


def shared_files(sources: Sequence[PlacedSource]) -> list[Problem]:
    """Tell of each file that a second source names too: by its path, by a link or hard link, or by a glob.

    Files are known by device and inode number; those that are not there yet, by where their path leads. What a file
    system holds that does not answer is left out.
    """
    readers: dict[Hashable, tuple[str, str]] = {}
    problems = []
    files = [source for source in files_among(sources) if not silent_mounts(source.paths)]
    for source in files:
        for path, identity in _named(source):
            reader, other = readers.setdefault(identity, (source.id, path))
            if reader != source.id:
                as_named = "" if other == path else f" as {other}"
                message = f"{path} is read by source {reader} too{as_named}"
                problems.append(Problem(f"source {source.id}: paths", message, _HINT))
    return [*dict.fromkeys([*problems, *_expected(files)])]


def _named(source: FileSourceOptions) -> Iterator[tuple[str, Hashable]]:
    """Give what a source names, and what it is known by."""
    for pattern in source.paths:
        if has_magic(pattern):
            yield pattern, os.path.normpath(pattern)
    for path in matches(source.paths, (), ()):
        yield str(path), _identity(path)


def _identity(path: Path) -> Hashable:
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return os.path.realpath(path)


def _expected(sources: Sequence[FileSourceOptions]) -> Iterator[Problem]:
    """Tell of paths that a glob of another source will match once they are there."""
    for source in sources:
        for path in (path for path in source.paths if not has_magic(path) and not os.path.exists(path)):  # noqa: PTH110
            for other in (other for other in sources if other.id != source.id):
                for pattern in (pattern for pattern in other.paths if has_magic(pattern) and "**" not in pattern):
                    if PurePath(path).match(pattern):
                        message = f"{path} is matched by {pattern} of source {other.id} too"
                        yield Problem(f"source {source.id}: paths", message, _HINT)
