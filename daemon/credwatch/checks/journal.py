"""Finds what keeps the journal from being read, and logs whose lines the journal has as well."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from credwatch.kernel.errors import Problem, Severity
from credwatch.sources.journal.source import PROGRAM
from credwatch.sources.machine import JOURNALS, LOGS
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, PlacedSource, files_among

_COPIES = (*LOGS, "/var/log/syslog", "/var/log/messages")
"""Where a syslog daemon writes what the journal has too."""


def journal_problems(sources: Sequence[PlacedSource], root: Path = Path("/")) -> Iterator[Problem]:
    """Yield what is wrong with each source that reads a journal; `root` is the machine's root folder."""
    for source in sources:
        if isinstance(source, JournalSourceOptions):
            yield from _unreadable(source, root)
            if source.directory is None:
                yield from _copied(source, files_among(sources))


def _unreadable(source: JournalSourceOptions, root: Path) -> Iterator[Problem]:
    where = f"source {source.id}"
    if shutil.which(PROGRAM) is None:
        hint = "install systemd, or follow files"
        yield Problem(where, f"{PROGRAM} cannot be run", hint, Severity.FAULT)
    journals = [*_journals(source, root)]
    if not journals:
        hint = "let journald keep one (Storage= in journald.conf), or follow files"
        yield Problem(where, "there is no journal", hint, Severity.FAULT)
    elif not any(os.access(journal, os.R_OK) for journal in journals):
        hint = "add the daemon's user to the group systemd-journal"
        yield Problem(where, f"{journals[0].parent} may not be read", hint, Severity.FAULT)


def _journals(source: JournalSourceOptions, root: Path) -> Iterator[Path]:
    """Give the files of the journal: those of the system, where there are some."""
    if source.directory is not None:
        yield from sorted(source.directory.glob("*.journal"))
        return
    for folder in JOURNALS:
        yield from sorted((root / folder).glob("*/system*.journal"))


def _copied(source: JournalSourceOptions, files: Sequence[FileSourceOptions]) -> Iterator[Problem]:
    for other in files:
        for pattern in other.paths:
            for copy in (copy for copy in _COPIES if PurePath(copy).match(pattern)):
                message = (
                    f"{copy} has the lines that source {source.id} reads from the journal, which would count twice"
                )
                hint = "leave them to one of the two"
                yield Problem(f"source {other.id}: paths", message, hint, Severity.WARNING)
