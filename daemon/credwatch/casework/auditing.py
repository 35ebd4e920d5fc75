"""What people ask of the audit trail: its entries, proofs, an export, a signed checkpoint, and that it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.app.trail import SignedTrail
from credwatch.casework.casebook import Casebook
from credwatch.kernel.errors import CredwatchError
from credwatch.ledger import export
from credwatch.ledger.note import PublicKey
from credwatch.ledger.proof import EntryProof
from credwatch.store import audit, audit_stamps, audit_tree
from credwatch.store.audit import AuditRow, Chosen
from credwatch.store.audit_stamps import StoredStamp

_MOST_CHECKPOINTS = 10_000


class AuditBook(Casebook):
    """Reads and signs the audit trail of a store that a daemon may be using; use it in a `with` block."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._trail = SignedTrail(settings.daemon.state_directory, keys.audit_key(settings))

    def key(self, customer: str = "") -> PublicKey:
        """Give the public key of the installation, or of the log of a customer."""
        return self._trail.public(customer)

    def listed(self, chosen: Chosen, limit: int, before: int | None) -> list[AuditRow]:
        """Return the latest entries that are wanted, the latest first."""
        with self._database.reading() as connection:
            return audit.listed(connection, chosen, limit, before)

    def entry(self, position: int) -> AuditRow | None:
        """Return one entry; None where the log is not so long."""
        with self._database.reading() as connection:
            return audit.entry_at(connection, position)

    def checkpoint(self, now: datetime, customer: str = "") -> str:
        """Sign the log as it is now; that of the installation is kept, too. Raises TrailDiffers."""
        with self._database.writing() as connection:
            signed = self._trail.sign(connection, now)
            note = self._trail.of(connection, customer) if customer else signed.note
        self._trail.keep(signed)
        return note

    def accept(self, now: datetime, *, by: str, why: str) -> str:
        """Have the trail go on though it is not what was signed; raises AuditRefused where there is no reason."""
        if not why.strip():
            raise AuditRefused("a reason is missing", where="--why", hint="say what you found out")
        with self._database.writing() as connection:
            signed = self._trail.accept(connection, now, by=by, why=why)
        self._trail.keep(signed)
        return signed.note

    def stamps(self, limit: int) -> list[StoredStamp]:
        """Return the latest time stamps, the latest first."""
        with self._database.reading() as connection:
            return audit_stamps.stamps(connection, limit)

    def stamped_proof(self, position: int, file: Path) -> EntryProof | None:
        """Prove an entry by the first checkpoint with it that an authority has stamped; None where none has.

        The stamp goes into a new file; raises AuditRefused where that cannot be written.
        """
        with self._database.reading() as connection:
            row, stamp = audit.entry_at(connection, position), audit_stamps.earliest_over(connection, position)
            if row is None or stamp is None:
                return None
            hashes = audit_tree.proof(connection, "", position, stamp.size)
            proof = EntryProof(row.entry, position, tuple(hashes), stamp.note)
        try:
            with file.open("xb") as out:
                out.write(stamp.reply)
        except OSError as error:
            hint = "name a file that is not there yet, in a folder where you may write"
            raise AuditRefused(f"cannot be written: {error.strerror}", where=str(file), hint=hint) from error
        return proof

    def proof(self, position: int, *, of_customer: bool) -> EntryProof | None:
        """Prove an entry, in the log of the installation or of its customer; None where it is in no such log."""
        with self._database.reading() as connection:
            row = audit.entry_at(connection, position)
            if row is None or (of_customer and not row.customer):
                return None
            log, index = (row.customer, row.place) if of_customer else ("", row.position)
            size = audit.size_of(connection, log)
            hashes = audit_tree.proof(connection, log, index, size)
            return EntryProof(row.entry, index, tuple(hashes), self._trail.of(connection, log, size))

    def export(self, file: Path, customer: str = "") -> int:
        """Write a whole log to a new file with what was signed of it; return how many entries it has.

        Raises AuditRefused where the file cannot be written.
        """
        unfinished = file.with_name(f"{file.name}.part")
        try:
            if file.exists():
                raise AuditRefused("is there already", where=str(file), hint="name a file that does not exist")
            with unfinished.open("wb") as out, self._database.reading() as connection:
                size = audit.size_of(connection, customer)
                earlier = [] if customer else audit.checkpoints(connection, _MOST_CHECKPOINTS)
                out.write(export.header([*earlier, self._trail.of(connection, customer, size)]))
                out.writelines(_lines(audit.whole_log(connection, customer, size)))
            unfinished.rename(file)
        except OSError as error:
            hint = "name a file in a folder where you may write"
            raise AuditRefused(f"cannot be written: {error.strerror}", where=str(file), hint=hint) from error
        return size


class AuditRefused(CredwatchError):
    """What was asked of the audit trail cannot be done."""


def _lines(entries: Iterator[bytes]) -> Iterator[bytes]:
    return (export.line(index, entry) for index, entry in enumerate(entries))
