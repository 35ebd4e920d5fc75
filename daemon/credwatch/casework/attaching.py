"""Adds files to cases: each is kept under its SHA-256, named on the timeline, and part of the evidence."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from sqlalchemy import Connection

from credwatch.casework.acts import Actor, Casework
from credwatch.casework.case_files import keep
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.incident import Incident
from credwatch.kernel.report import ReportFile
from credwatch.store.cases import case_entries

LARGEST = 25_000_000
"""Bytes of one file."""
_MOST = 100
"""So many files a case has at most."""
_UNKNOWN = "application/octet-stream"


class Attaching(Casework):
    """Adds files in a store that a daemon may be using; use it in a `with` block."""

    def attach(self, number: str, actor: Actor, path: Path, text: str = "") -> ReportFile | None:
        """Keep a file with a case, open or closed; None where the number is unknown.

        The file is kept before the case names it: what a crash leaves is a file that nothing names, and goes at night.
        Raises ConfigurationError where it cannot be read or is too large, IllegalTransition where the case has it
        already or too many.
        """
        with self._database.reading() as connection:
            if case_entries.entries_of(connection, number) == [] and self.case(number) is None:
                return None
        content = _read(path)
        kept = keep(self._settings, number, path.name, mimetypes.guess_type(path.name)[0] or _UNKNOWN, content)

        def step(connection: Connection, incident: Incident) -> Incident:
            _check(number, case_entries.entries_of(connection, number), kept)
            return incident

        entry = CaseEntry(number, actor.at, EntryKind.ATTACHED, actor.name, text, files=(kept,))
        return kept if self._work(entry, step) is not None else None


def _check(number: str, entries: list[CaseEntry], kept: ReportFile) -> None:
    files = [file for entry in entries if entry.kind is EntryKind.ATTACHED for file in entry.files]
    if kept.sha256 in {file.sha256 for file in files}:
        raise IllegalTransition("the case has this file already", where=number, hint=f"SHA-256 {kept.sha256}")
    if len(files) >= _MOST:
        raise IllegalTransition(f"it has {_MOST} files", where=number, hint="pack what belongs together into one")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}", where=str(path), hint="name a file that you may read"
        ) from error
    if len(content) > LARGEST:
        hint = "note where it is kept, with its SHA-256, instead"
        raise ConfigurationError(f"is larger than {LARGEST // 1_000_000} MB", where=str(path), hint=hint)
    return content
