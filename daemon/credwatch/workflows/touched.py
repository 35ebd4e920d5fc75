"""Whom and what an incident touches: customers, their accounts, and the addresses that are still safe to write to."""

from __future__ import annotations

from credwatch.kernel.incident import Incident
from credwatch.workflows.facts import Facts, Recipients


def customers_of(incident: Incident) -> tuple[str, ...]:
    """List the customers an incident touches, its own first."""
    return tuple(dict.fromkeys(name for name in (incident.organization, *incident.organizations) if name))


def accounts_of(incident: Incident) -> tuple[str, ...]:
    """List the accounts an incident touches, sorted.

    An incident's own list names who acted. Whoever was acted upon is among its details; and where the vendor's
    staff acted, only that one counts, for the staff's accounts are nobody else's business.
    """
    details = dict(incident.details)
    target = details.get("user.target.name", "")
    by_staff = details.get("credwatch.actor.kind") == "staff"
    acted = {incident.subject} - {*incident.accounts, *incident.addresses} if by_staff else {*incident.accounts}
    return tuple(sorted({*acted, target} - {""}))


def own_accounts(incident: Incident, organization: str, facts: Facts) -> tuple[str, ...]:
    """List the accounts one customer may read about: its own, and unowned ones where it alone is touched."""
    alone = customers_of(incident) == (organization,)
    readable = {organization, ""} if alone else {organization}
    return tuple(account for account in accounts_of(incident) if facts.owner(account) in readable)


def attacked_addresses(incident: Incident) -> tuple[str, ...]:
    """List the mailboxes an incident puts in doubt: accounts that are e-mail addresses, and those it names."""
    details = dict(incident.details)
    named = (details.get("user.email", ""), details.get("user.target.email", ""))
    return tuple(address for address in (*incident.accounts, *accounts_of(incident), *named) if "@" in address)


def safe_addresses(recipients: Recipients, attacked: tuple[str, ...] = ()) -> tuple[str, ...]:
    """List the notice addresses that are not believed compromised; an attacked one is not written to.

    NIST SP 800-63B-4, section 4.6, asks for notices to addresses the attacker does not control.
    """
    unsafe = {address.casefold() for address in (*recipients.compromised, *attacked)}
    return tuple(address for address in recipients.addresses if address.casefold() not in unsafe)
