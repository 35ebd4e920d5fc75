"""A mail that came in, as what it is: values without opinion on what follows from it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class MailKind(StrEnum):
    """What a mail is, by what it says of itself; nothing of it is proven by that."""

    OWN = "own"
    """A message of ours that came back in a circle; whether it is one, the store alone can say."""
    STATUS = "status"
    """A report of what became of a message (RFC 3464), or an old bounce that says so in words."""
    COMPLAINT = "complaint"
    """A report of abuse (RFC 5965): a reader called a message spam."""
    READ = "read"
    """A receipt for the reading of a message (RFC 8098): it answers nothing."""
    AUTOMATIC = "automatic"
    """A program answers in the place of a person (RFC 3834), or writes to many."""
    REPORT = "report"
    """A breach report that another credwatch wrote, with a part for programs."""
    PERSON = "person"
    """A person wrote it, as far as it shows."""
    UNREADABLE = "unreadable"
    """No mail that can be read: too large, too deep, or none at all."""


class Delivery(StrEnum):
    """What a report says became of a message (RFC 3464, section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    ARRIVED = "arrived"
    """Delivered, expanded, or handed on to where no reports come from."""


class DeliveryStatus(Struct, frozen=True):
    """What a report of a delivery says."""

    delivery: Delivery
    """What became of the message."""
    envelope_id: str = ""
    """The ENVID that the message was handed over with."""
    code: str = ""
    """The code of the reason, such as 5.1.1 (RFC 3463); empty where it has none."""
    reason: str = ""
    """The reason in a server's words: one legible line."""


class Attachment(Struct, frozen=True):
    """A file that came with a mail; it is never opened here."""

    name: str
    """What the sender calls it."""
    media_type: str
    """What the sender says it is."""
    content: bytes
    """Its bytes."""


class Mail(Struct, frozen=True):
    """One mail."""

    kind: MailKind
    """What it is."""
    digest: str
    """SHA-256 over what its sender wrote: it stays the same on whichever way the mail comes again."""
    message_id: str = ""
    """Its Message-ID with the angle brackets; empty where it has none that can be named."""
    sender: str = ""
    """The address in its From field; empty where that is not exactly one."""
    is_proven: bool = False
    """Whether our own server found the domain of the sender proven."""
    recipients: tuple[str, ...] = ()
    """The addresses that it came to, those of the envelope first."""
    references: tuple[str, ...] = ()
    """The Message-IDs that it answers, the nearest first."""
    subject: str = ""
    """Its subject, one legible line."""
    text: str = ""
    """Its words; of HTML only those that a reader would see."""
    attachments: tuple[Attachment, ...] = ()
    """The files that came with it."""
    status: DeliveryStatus | None = None
    """What it says of a delivery, where it is a report of one."""
    doubts: tuple[str, ...] = ()
    """Why it may be no honest mail: our own server calls it spam, or it is full of links."""
    reason: str = ""
    """Why it cannot be read, where it cannot."""
