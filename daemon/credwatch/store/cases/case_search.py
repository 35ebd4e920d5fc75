"""Finds incidents by what they are about."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder
from sqlalchemy import Connection, Select, select

from credwatch.kernel.account import compared
from credwatch.kernel.criteria import Criteria
from credwatch.kernel.incident import Incident
from credwatch.store.cases.case_list import FOUND
from credwatch.store.cases.incidents import incidents
from credwatch.store.moments import to_micros
from credwatch.store.pages import FIRST, Page, paged

_INCIDENT = Decoder(Incident)
MOST = 20_000
"""So many incidents are looked at in one search: two seconds of work."""


class Wanted(Criteria, frozen=True, kw_only=True):
    """What is looked for: cases that have what it names, whatever else they have."""

    text: str = ""
    """Words in its title, subject, accounts, addresses, details, lines or reasons, in any letter case."""
    kind: str = ""
    """Its kind."""
    outcome: str = ""
    """What came of it."""
    since: datetime | None = None
    """Detected at or after this moment."""
    until: datetime | None = None
    """Detected before this moment."""


class Findings(Struct, frozen=True):
    """A page of what was found."""

    incidents: tuple[Incident, ...]
    """The incidents that are wanted, those found last first."""
    looked_at: int
    """How many were looked at for it."""
    last: str
    """The number of the one looked at last, behind which the search goes on; empty where no more are there."""


def search(connection: Connection, wanted: Wanted, page: Page = FIRST, most: int = MOST) -> Findings:
    """Look for the incidents that are wanted, behind the place where the page begins.

    Kind and moments are asked of the store; for the rest each of these incidents is read, one after the other, until
    the page is full or `most` were looked at. Raises UnknownPlace.
    """
    chosen: list[Incident] = []
    number, looked_at = "", 0
    for document in connection.execute(_candidates(connection, wanted, Page(most + 1, page.after))).scalars():
        if len(chosen) == page.limit or looked_at == most:
            return Findings(tuple(chosen), looked_at, number)
        incident = _INCIDENT.decode(document)
        looked_at, number = looked_at + 1, incident.number
        if is_wanted(incident, wanted):
            chosen.append(incident)
    return Findings(tuple(chosen), looked_at, "")


def _candidates(connection: Connection, wanted: Wanted, page: Page) -> Select[Any]:
    table = incidents.c
    query = select(table.document)
    if wanted.kind:
        query = query.where(table.kind == wanted.kind)
    if wanted.since:
        query = query.where(table.detected >= to_micros(wanted.since))
    if wanted.until:
        query = query.where(table.detected < to_micros(wanted.until))
    return paged(connection, query, page, FOUND, latest_first=True)


def is_wanted(incident: Incident, wanted: Wanted) -> bool:
    """Say whether an incident has all that is wanted beside its kind and moments."""
    accounts = {compared(account) for account in (incident.subject, *incident.accounts)}
    return (
        (not wanted.account or compared(wanted.account) in accounts)
        and (not wanted.customer or wanted.customer in (incident.organization, *incident.organizations))
        and (not wanted.rule or wanted.rule in incident.rules)
        and (not wanted.host or ("host.name", wanted.host) in incident.details)
        and (not wanted.outcome or wanted.outcome == incident.outcome)
        and (not wanted.address or any(_is_within(address, wanted.address) for address in _addresses(incident)))
        and wanted.text.casefold() in _words(incident)
    )


def _addresses(incident: Incident) -> tuple[str, ...]:
    return (incident.subject, *incident.addresses)


def _is_within(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _words(incident: Incident) -> str:
    details = (value for _, value in incident.details)
    reasons = (step.why for step in incident.transitions)
    own = (incident.number, incident.title, incident.subject, incident.kind)
    return "\n".join((*own, *incident.accounts, *incident.addresses, *details, *incident.lines, *reasons)).casefold()
