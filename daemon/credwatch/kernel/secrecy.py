"""Secrecy: an order of a court or authority that forbids to tell a customer of an incident, for as long as it runs."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

SECRECY = "secrecy"
"""Why a message waits: an order forbids to tell of what it tells of."""


class SecrecyOrder(Struct, frozen=True, omit_defaults=True):
    """An order that forbids to tell of one incident. What it holds back is never dropped, and asked about again."""

    incident: str
    """The incident's number."""
    reference: str
    """The number of the order, as its issuer writes it."""
    issuer: str
    """The court or authority."""
    article: str
    """What it rests on: the law and its article."""
    document_sha256: str
    """SHA-256 of the document, 64 small hexadecimal digits."""
    review_at: datetime
    """From when on the operators are asked every day whether it still runs, UTC."""
    approvers: tuple[str, ...] = ()
    """The two who agreed that it applies."""
    began_at: datetime | None = None
    """When it began to hold messages back, UTC."""
    lifted_at: datetime | None = None
    """When two people agreed that it is over, UTC; None while it runs."""
    lifted_by: tuple[str, ...] = ()
    """These two."""


class SecrecyStep(Struct, frozen=True, omit_defaults=True):
    """What one of two people says of an order; it counts once the other one says the same."""

    order: SecrecyOrder
    """The order."""
    lifts: bool = False
    """Whether it shall end; else it shall begin."""
    confirms: str = ""
    """Who said so before; without such a first person this is a proposal."""
