"""What a customer tells the vendor: a breach, in the customer's own words."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class ReportWay(StrEnum):
    """How a report came."""

    PAGE = "page"
    """By the form, from a contact who was logged in."""
    FORM = "form"
    """By the form, from somebody who was not."""
    API = "api"
    MAIL = "mail"


class ReportFile(Struct, frozen=True):
    """A file that came with a report; it is kept, and never opened here."""

    name: str
    """What the sender calls it: one legible line."""
    media_type: str
    """What the sender says it is."""
    size: int
    """Its bytes."""
    sha256: str
    """SHA-256 of its bytes, in hexadecimal: under this name it is kept."""


class CustomerReport(Struct, frozen=True, omit_defaults=True):
    """One report as it was received."""

    number: str
    """The number of its case, which the sender has as a receipt."""
    received_at: datetime
    """When, UTC."""
    way: ReportWay
    """How."""
    what: str
    """What happened, in the sender's words."""
    customer: str = ""
    """The customer whose contact, token or mailbox proves that the report is theirs; empty where nothing does."""
    claimed: str = ""
    """Whose it says it is, where nothing proves it."""
    sender: str = ""
    """Who sent it: the contact's address, or whatever was given."""
    phone: str = ""
    """Where to call back."""
    accounts: tuple[str, ...] = ()
    """The accounts concerned."""
    occurred_at: datetime | None = None
    """When it happened, as far as the sender knows, UTC."""
    files: tuple[ReportFile, ...] = ()
    """What came with it."""
    reference: str = ""
    """The sender's own number for it."""
    doubts: tuple[str, ...] = ()
    """Why it may be no honest report; operators see it all the same."""
    matches: tuple[str, ...] = ()
    """The numbers of the customer's own incidents about these accounts."""
