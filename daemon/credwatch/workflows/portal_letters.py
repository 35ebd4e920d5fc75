"""Letters about the customers' pages: a link to log in, and news that all of a customer's addresses must hear."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from credwatch.kernel.command import Command, CommandKind, Precedence
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import Letter, compose

LINK, NEWS = "portal_link", "portal_news"


class PortalNews(StrEnum):
    """What happened on the pages that others must hear of."""

    FACTOR_MADE = "factor_made"
    """A contact set up a second factor (NIST SP 800-63B-4, section 4.1.2.1)."""
    CHANGE_ASKED = "change_asked"
    """A notice address or telephone number is to change, and may be kept from it."""
    CHANGE_DONE = "change_done"
    CHANGE_CANCELLED = "change_cancelled"
    ACCESS_ASKED = "access_asked"
    """Staff ask for access that the customer has wanted: does it agree?"""
    ACCESS_GRANTED = "access_granted"
    """Staff may act on the customer's accounts from now on."""
    ACCESS_EMERGENCY = "access_emergency"
    """They may, and nobody was asked."""
    ACCESS_ENDED = "access_ended"
    """They may no longer; what it was used for."""
    REPORT_RECEIVED = "report_received"
    """A report came in the customer's name."""


def login_link(
    customer: str, recipient: str, phase: str, values: Mapping[str, object], facts: Facts, now: datetime
) -> tuple[Command, ...]:
    """Write the letter with a link to log in. It is of no use without the browser that asked for it."""
    return _letters(LINK, customer, (recipient,), phase, values, facts, now)


def portal_news(
    what: PortalNews,
    customer: str,
    recipients: Iterable[str],
    phase: str,
    values: Mapping[str, object],
    facts: Facts,
    now: datetime,
    incident: str = "",
) -> tuple[Command, ...]:
    """Tell each of a customer's addresses what happened; `phase` names the happening."""
    letter_values = {"what": what.value, **values}
    return _letters(NEWS, customer, recipients, f"{what.value} {phase}", letter_values, facts, now, incident)


def _letters(
    workflow: str,
    customer: str,
    recipients: Iterable[str],
    phase: str,
    values: Mapping[str, object],
    facts: Facts,
    now: datetime,
    incident: str = "",
) -> tuple[Command, ...]:
    reader = facts.recipients[customer]
    letter = Letter(
        kind=CommandKind.NOTIFY,
        workflow=workflow,
        language=reader.language,
        values={"reader": reader.name, **values},
        incident=incident,
        organization=customer,
        phase=phase,
        precedence=Precedence.LAW,
    )
    return compose(letter, recipients, facts, now)
