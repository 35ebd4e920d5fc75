"""The receipt for a mail that a person sent: its number and time, once, and to nobody who did not write."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import Letter, compose

RECEIPT = "mail_receipt"


class ReceiptFor(StrEnum):
    """For what a receipt is."""

    ANSWER = "answer"
    """An answer to a message of ours, which is in its case."""
    REPORT = "report"
    """A report, which has a case of its own."""


class ReceivedMail(Struct, frozen=True):
    """What a receipt says of a mail."""

    digest: str
    """What names the mail: each has one receipt."""
    number: str
    """The number of its case."""
    message_id: str
    """Its Message-ID, which the receipt answers; empty where it has none."""
    received_at: datetime
    """When it was taken in, UTC."""


def mail_receipt(
    what: ReceiptFor, mail: ReceivedMail, recipient: str, facts: Facts, customer: str = ""
) -> tuple[Command, ...]:
    """Write the receipt for a mail; one that is sent again has none."""
    reader = facts.recipients.get(customer)
    values: dict[str, object] = {
        "what": what.value,
        "number": mail.number,
        "at": rfc3339(mail.received_at),
        "answers": mail.message_id,
        "reader": reader.name if reader else "",
    }
    letter = Letter(
        kind=CommandKind.NOTIFY,
        workflow=RECEIPT,
        language=reader.language if reader else "vi",
        values=values,
        incident=mail.number,
        organization=customer,
        phase=mail.digest,
        precedence=Precedence.COURTESY,
    )
    return compose(letter, (recipient,), facts, mail.received_at)
