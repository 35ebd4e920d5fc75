"""The audit trail and what was signed of it last: the checkpoint lies beside the store, so that it outlives it.

What the store has must begin with what was signed. Where it does not, nothing is signed any more until a person has
said why (`credwatch audit accept`): a log that shrinks or changes is never taken for granted.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from credwatch.kernel.errors import CredwatchError
from credwatch.ledger.checkpoint import Checkpoint, origin_of
from credwatch.ledger.entry import Act, ActKind
from credwatch.ledger.note import NotGenuine, PublicKey, SigningKey
from credwatch.store import audit, audit_tree
from credwatch.store.audit_tree import TrailDamaged

FILE = "audit.checkpoint"
"""The name of the file in the state directory."""


class TrailDiffers(CredwatchError):
    """The store does not begin with what was signed."""


class Signed(Struct, frozen=True):
    """What was signed last."""

    size: int
    """How many entries the log had."""
    note: str
    """The checkpoint."""


class SignedTrail:
    """Signs the audit trail of one installation, and holds it against what it has signed."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        """Take the state directory and the key of the installation."""
        self._path = folder / FILE
        self._key = key

    def public(self, customer: str = "") -> PublicKey:
        """Give the key that others hold signatures against, under the name of the installation or of a customer."""
        return PublicKey(origin_of(self._key.public(), customer), self._key.public())

    def last(self) -> Checkpoint | None:
        """Return what was signed last, None where nothing was; raises TrailDiffers where that cannot be read."""
        try:
            return Checkpoint.read(self._path.read_text(encoding="utf-8"), self.public())
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, NotGenuine) as error:
            hint = (
                "put audit.checkpoint and audit.key back as they were; docs/audit.md says what else may have happened"
            )
            raise TrailDiffers(
                f"the last checkpoint cannot be believed: {error}", where=str(self._path), hint=hint
            ) from error

    def compare(self, connection: Connection) -> int:
        """Hold the store against what was signed last; return its size. Raises TrailDiffers."""
        size, last = audit.size_of(connection), self.last()
        if last is None:
            if audit.was_signed(connection):
                raise TrailDiffers("the last checkpoint is gone", where=str(self._path), hint=_HINT)
            return size
        if size < last.size:
            what = f"the store has {size} entries, and {last.size} were signed"
            raise TrailDiffers(what, where="audit trail", hint=_HINT)
        try:
            root = audit_tree.root(connection, "", last.size)
        except TrailDamaged as error:
            raise TrailDiffers(error.message, where=error.where, hint=_HINT) from error
        if root != last.root:
            what = f"the first {last.size} entries are not those that were signed"
            raise TrailDiffers(what, where="audit trail", hint=_HINT)
        return size

    def sign(self, connection: Connection, now: datetime) -> Signed:
        """Sign what the store has, with the logs of the customers that have grown; in a transaction of its own.

        `keep` what comes back once that is committed. Raises TrailDiffers.
        """
        self.compare(connection)
        return self._sign(connection, now, (self.last() or _NOTHING).size)

    def accept(self, connection: Connection, now: datetime, *, by: str, why: str) -> Signed:
        """Sign what the store has though it is not what was signed, since a person knows why."""
        audit.append(connection, Act(now, ActKind.TREE_ACCEPTED, by, unshared={"words": why, **self.signed_before()}))
        return self._sign(connection, now, 0)

    def signed_before(self) -> dict[str, Any]:
        """Tell what was signed last, as details of an entry."""
        try:
            last = self.last()
        except TrailDiffers:
            return {"signed": "unreadable"}
        return {"signed_size": last.size, "signed_root": last.root.hex()} if last else {"signed": "nothing"}

    def keep(self, signed: Signed) -> None:
        """Write a checkpoint beside the store, whole or not at all; raises TrailDiffers where the disk refuses."""
        unfinished = self._path.with_suffix(".new")
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(signed.note)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path)
        except OSError as error:
            hint = "let the daemon's user write there"
            raise TrailDiffers(f"cannot be written: {error.strerror}", where=str(self._path), hint=hint) from error

    def of(self, connection: Connection, customer: str = "", size: int | None = None) -> str:
        """Sign the log of the installation or of a customer as it is, or as it was at a size."""
        size = audit.size_of(connection, customer) if size is None else size
        root = audit_tree.root(connection, customer, size)
        return Checkpoint(origin_of(self._key.public(), customer), size, root).signed(self._key)

    def seal(self, text: str, customer: str = "") -> str:
        """Sign any text of whole lines, under the name of a log."""
        return self._key.sign(origin_of(self._key.public(), customer), text)

    def _sign(self, connection: Connection, now: datetime, since: int) -> Signed:
        audit.append(
            connection,
            *(
                Act(now, ActKind.CUSTOMER_CHECKPOINT, details={"log": customer, "size": size, "root": root.hex()})
                for customer, size in audit.customers_since(connection, since)
                for root in [audit_tree.root(connection, customer, size)]
            ),
        )
        size = audit.size_of(connection)
        signed = Signed(size, self.of(connection, size=size))
        audit.keep_checkpoint(connection, signed.size, signed.note)
        return signed


_NOTHING = Checkpoint("", 0, b"")
_HINT = "find out who has changed the store; `credwatch audit accept --why …` says that you know, and has it go on"
