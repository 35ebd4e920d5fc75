"""Finds what keeps the logs of the settings from being followed."""

from __future__ import annotations

import os
import stat
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from contextlib import suppress
from glob import glob, has_magic

from credwatch.kernel.errors import Problem, Severity
from credwatch.kernel.path_pattern import is_meant
from credwatch.sources.file.matching import matches
from credwatch.sources.file.mounts import Mount, remote_of, silent_mounts
from credwatch.sources.file.source import sweep_pause
from credwatch.sources.options import FileSourceOptions, PlacedSource, files_among


def source_problems(sources: Sequence[PlacedSource]) -> Iterator[Problem]:
    """Yield what keeps each source from being read: its paths, or the journal."""
    for source in files_among(sources):
        if silent := silent_mounts(source.paths):
            yield from (_silent(source, mount) for mount in silent)
            continue
        for pattern in source.paths:
            yield from _globbed(source, pattern) if has_magic(pattern) else _named(source, pattern)
        yield from _unmatched(source)


def _silent(source: FileSourceOptions, mount: Mount) -> Problem:
    message = f"the file system at {mount.point} ({mount.kind}) does not answer"
    return _problem(
        source, message, "mend it, or its server; `run` reads the other sources, and this one once it answers"
    )


def polling_of(source: FileSourceOptions) -> list[str]:
    """Say why a source is polled, where it is, and how often its files are looked at as long as that takes as now."""
    places = remote_of(source.paths)
    why = [f"{mount.kind} at {mount.point} tells of no changes" for mount in places]
    if not why and source.watch != "poll":
        return []
    if silent_mounts(source.paths):
        return [f"polled: {', '.join(why)}, and does not answer now"]
    began = time.monotonic()
    count = sum(file.exists() for file in matches(source.paths, (), ()))
    pause = sweep_pause(count, time.monotonic() - began)
    return [f"polled: {', '.join(why) or 'the settings say so'}; its files ({count}) are looked at every {pause:.3g} s"]


def _unmatched(source: FileSourceOptions) -> Iterator[Problem]:
    """Warn of a table by path that no file of the source comes to, for another stands before it or nothing fits."""
    if not source.match:
        return
    counts = match_counts(source)
    for number, match in enumerate(source.match):
        if not counts[number] and any(counts):
            hint = "check its spelling, and the order: the first table that means a file counts"
            where = f"source {source.id}: match.{number}"
            yield Problem(where, f"{match.path} is the first to mean no file of the source", hint, Severity.WARNING)


def match_counts(source: FileSourceOptions) -> list[int]:
    """Count the files of a source that are there by the table that they come to; at the end those of none."""
    counts = [0] * (len(source.match) + 1)
    for file in matches(source.paths, (), ()):
        if file.exists():
            numbers = (at for at, match in enumerate(source.match) if is_meant(str(file), match.path))
            counts[next(numbers, -1)] += 1
    return counts


def ways_of(source: FileSourceOptions) -> list[str]:
    """Say how the files of a source are read, one text for each table by path and one for the others."""
    if not source.match or silent_mounts(source.paths):
        return []
    kinds = [(it.path, it.format or source.format, it.time_zone or source.time_zone) for it in source.match]
    kinds.append(("all others", source.format, source.time_zone))
    counts = zip(kinds, match_counts(source), strict=True)
    return [f"{path}: format {kind}, time zone {zone}, files now {count}" for (path, kind, zone), count in counts]


def _globbed(source: FileSourceOptions, pattern: str) -> Iterator[Problem]:
    """Warn where nothing matches yet, which may be meant; folders among the matches are passed over, as `run` does."""
    paths = [path for path in glob(pattern, recursive=True) if not os.path.isdir(path)]  # noqa: PTH112, PTH207
    if not paths:
        hint = "check its spelling; a file that comes later is followed from its beginning"
        yield _problem(source, f"no file matches {pattern}", hint, Severity.WARNING)
    for path in paths:
        yield from _named(source, path)
    yield from _same(source, paths)


def _same(source: FileSourceOptions, paths: Sequence[str]) -> Iterator[Problem]:
    """Warn of one file by two names: it is read once."""
    names: dict[tuple[int, int], str] = {}
    for path in sorted(paths):
        status = os.lstat(path) if os.path.lexists(path) else None
        if status is not None and stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            first = names.setdefault((status.st_dev, status.st_ino), path)
            if first != path:
                hint = "remove one of the links, or name the files one by one"
                message = f"{path} and {first} are one file by two names, which is read once"
                yield _problem(source, message, hint, Severity.WARNING)


def _named(source: FileSourceOptions, path: str) -> Iterator[Problem]:
    if not os.path.exists(path):  # noqa: PTH110
        yield _problem(source, *_missing(path))
    elif os.path.isdir(path):  # noqa: PTH112
        hint = f"name the files in it, such as {path.rstrip('/')}/*.log"
        yield _problem(source, f"{path} is a folder", hint)
    elif not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
        yield _problem(source, f"{path} is no regular file", "have the program write into a file, and name that")
    elif not os.access(path, os.R_OK):
        yield _problem(source, f"{path} may not be read", "add the daemon's user to the file's group")
    elif _begins_with(path).startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        yield _problem(source, f"{path} is UTF-16, and none of its lines can be read", "have it written as UTF-8")


def _begins_with(path: str) -> bytes:
    with suppress(OSError), open(path, "rb") as log:  # noqa: PTH123
        return log.read(2)
    return b""


def _missing(path: str) -> tuple[str, str]:
    """Say what of a path is not there: a link may lead nowhere, a folder may be closed to us."""
    if os.path.islink(path):  # noqa: PTH114
        return f"{path} leads to {os.path.realpath(path)}, which does not exist", "mend or remove the link"
    folder = os.path.dirname(path)  # noqa: PTH120
    if os.path.isdir(folder) and not os.access(folder, os.X_OK):  # noqa: PTH112
        return f"{path} cannot be looked up: {folder} may not be entered", "add the daemon's user to the folder's group"
    return f"{path} does not exist", "check its spelling, or create it empty"


def _problem(source: FileSourceOptions, message: str, hint: str, severity: Severity = Severity.FAULT) -> Problem:
    return Problem(f"source {source.id}: paths", message, hint, severity)
