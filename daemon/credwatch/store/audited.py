"""What the audit trail says of changes that the store itself sees: messages, receipts, second factors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from credwatch.kernel.account import Account
from credwatch.kernel.command import CommandKind
from credwatch.kernel.factor import Factor
from credwatch.ledger.entry import Act, ActKind

_TO_OTHERS = (CommandKind.NOTIFY.value, CommandKind.REPORT.value)
"""What leaves for a customer or the vendor; letters to the operators are in nobody's log but the installation's."""


def message_act(kind: ActKind, row: Any, at: datetime, **details: object) -> Act:
    """Say what became of a message, from its row."""
    is_theirs = row["kind"] in _TO_OTHERS and row["organization"]
    about = {"message": row["id"], "workflow": row["workflow"], "recipient": row["recipient"]}
    customers = (row["organization"],) if is_theirs else ()
    return Act(at, kind, incident=row["incident"], customers=customers, details=about | details)


def factor_acts(account: Account, before: Factor | None, after: Factor | None, at: datetime) -> Iterator[Act]:
    """Say what a change of a second factor comes to; a code that was taken or refused is none."""
    customers = (account.organization,) if account.organization else ()
    for kind in _factor_kinds(before, after):
        yield Act(at, kind, "gate", customers=customers, details={"account": account.user})


def _factor_kinds(before: Factor | None, after: Factor | None) -> Iterator[ActKind]:
    if after is None:
        if before is not None:
            yield ActKind.FACTOR_REMOVED
        return
    if before is None or before.sealed != after.sealed:
        yield ActKind.FACTOR_ENROLLED
        before = None
    if after.confirmed_at is not None and (before is None or before.confirmed_at is None):
        yield ActKind.FACTOR_CONFIRMED
    if after.locked_at is not None and (before is None or before.locked_at is None):
        yield ActKind.FACTOR_LOCKED
    if before is not None and after.forgiven > before.forgiven:
        yield ActKind.FACTOR_UNLOCKED
    if before is not None and after.recovery_codes != before.recovery_codes:
        is_new = after.recovery_salt != before.recovery_salt
        yield ActKind.RECOVERY_CODES_MADE if is_new else ActKind.RECOVERY_CODE_USED
