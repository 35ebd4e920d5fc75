"""Writes a case as one signed file: what an export has, and the audit entries of the case, each with its proof."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.app.trail import SignedTrail
from credwatch.casework.case_files import read_kept
from credwatch.casework.export import CaseExport, ExportError, as_json, as_text, sums
from credwatch.kernel.case_entry import EntryKind
from credwatch.ledger.manifest import MANIFEST, STAMPED, manifest
from credwatch.ledger.proof import EntryProof
from credwatch.pipeline.holding import check_tellable
from credwatch.store import audit, audit_stamps, audit_tree
from credwatch.store.audit import Chosen
from credwatch.store.database import Database

_MOST_ENTRIES = 10_000
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_READABLE_BY_OWNER = 0o600 << 16


class EvidenceArchive(CaseExport):
    """Archives cases of a store that a daemon may be using; use it in a `with` block."""

    def __init__(self, settings: Settings, database: Database | None = None) -> None:
        super().__init__(settings, database)
        self._trail = SignedTrail(settings.daemon.state_directory, keys.audit_key(settings))

    def pack(
        self, number: str, file: Path, read: Callable[[dict[str, Any]], Iterable[str]], customer: str = ""
    ) -> list[str] | None:
        """Write a case into a new file; return the names of what it has, None where the number is unknown.

        The same store gives the same bytes. For a customer it has the messages that this one got, their receipts, and
        the entries of its own log: the case itself, and log lines, may name others. Raises ExportError or StoreError.
        """
        case = self.case(number)
        if case is None:
            return None
        if customer:
            with self._database.reading() as connection:
                check_tellable(connection, number)
        files = dict(self._theirs(case, customer) if customer else self._files(case, read))
        files |= dict(self._entries(number, customer))
        self._seal(files, number, customer)
        write_archive(file, files)
        return sorted(files)

    def _seal(self, files: dict[str, bytes], number: str, customer: str) -> None:
        """Add the signed list of what an archive has."""
        files[MANIFEST] = self._trail.seal(manifest(number, sums(files).decode()), customer).encode()

    def _theirs(self, case: dict[str, Any], customer: str) -> Iterator[tuple[str, bytes]]:
        """Give what one customer was sent, what came of it, and the latest package that was made for it."""
        for entry in reversed(case["entries"]):
            if entry["kind"] == EntryKind.PACKAGED and entry.get("customer") == customer:
                yield from read_kept(self._settings, case["number"], entry["files"], "package")
                break
        theirs = {message["id"] for message in case["messages"] if message["organization"] == customer}
        yield "receipts.json", as_json([row for row in self._receipts(case) if row["message"] in theirs])
        for name, content in self._messages(case):
            if Path(name).stem in theirs:
                yield name, content

    def _files(
        self, case: dict[str, Any], read: Callable[[dict[str, Any]], Iterable[str]]
    ) -> Iterator[tuple[str, bytes]]:
        """Give what an export has, and the files that were added to the case or made for its customers."""
        yield from super()._files(case, read)
        for entry in case["entries"]:
            yield from read_kept(self._settings, case["number"], entry.get("files", ()), "files")

    def _entries(self, number: str, customer: str) -> Iterator[tuple[str, bytes]]:
        """Give the audit entries of a case, as text and each with a proof, and the checkpoint of the log as it is.

        All proofs have one checkpoint: the first with all entries that an authority has stamped, or that of now.
        """
        with self._database.reading() as connection:
            rows = audit.listed(connection, Chosen(incident=number, customer=customer), _MOST_ENTRIES)[::-1]
            size = audit.size_of(connection, customer)
            checkpoint = self._trail.of(connection, customer, size)
            yield "audit/checkpoint.txt", checkpoint.encode()
            yield "audit/entries.txt", as_text(row.entry.decode() for row in rows)
            stamp = audit_stamps.earliest_over(connection, rows[-1].position) if rows and not customer else None
            if stamp is not None:
                yield f"{STAMPED}.txt", stamp.note.encode()
                yield f"{STAMPED}.tsr", stamp.reply
                size, checkpoint = stamp.size, stamp.note
            for row in rows:
                index = row.place if customer else row.position
                hashes = tuple(audit_tree.proof(connection, customer, index, size))
                proof = EntryProof(row.entry, index, hashes, checkpoint)
                yield f"audit/{index:08}.tlog-proof", proof.written().encode()


def write_archive(file: Path, files: Mapping[str, bytes]) -> None:
    """Write a new archive, the same bytes for the same files; raises ExportError."""
    try:
        with file.open("xb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                about = zipfile.ZipInfo(name, _LONG_AGO)
                about.external_attr, about.compress_type = _READABLE_BY_OWNER, zipfile.ZIP_DEFLATED
                archive.writestr(about, files[name])
    except OSError as error:
        hint = "name a file that is not there yet, where you may write"
        raise ExportError(f"cannot be written: {error.strerror or error}", where=str(file), hint=hint) from error
