"""Puts what customers have changed of their notice addresses and telephone numbers over what the register says."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from credwatch.pipeline.pipeline import Knowledge
from credwatch.store.database import Database
from credwatch.store.portal.changes import ChangeOf, ChangeState, ContactChange, addresses_after, changes_in
from credwatch.workflows.facts import Facts, Recipients


def with_changes(knowledge: Knowledge, database: Database) -> Knowledge:
    """Return what is known with the changes that hold; raises StoreError."""
    with database.reading() as connection:
        done = changes_in(connection, ChangeState.DONE)
    return replace(knowledge, facts=facts_after(knowledge.facts, done)) if done else knowledge


def facts_after(facts: Facts, done: Sequence[ContactChange]) -> Facts:
    """Return the facts after changes; those of a customer that is gone from the register change nothing."""
    recipients = {
        name: _after(reader, [change for change in done if change.customer == name])
        for name, reader in facts.recipients.items()
    }
    return replace(facts, recipients=recipients)


def _after(reader: Recipients, done: Sequence[ContactChange]) -> Recipients:
    phones = [change.value for change in done if change.kind is ChangeOf.PHONE]
    addresses = addresses_after(reader.addresses, done)
    return replace(reader, addresses=addresses, phone=phones[-1] if phones else reader.phone)
