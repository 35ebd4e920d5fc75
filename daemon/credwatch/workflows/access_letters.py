"""What a customer is told of the access of staff to its accounts."""

from __future__ import annotations

from datetime import datetime

from credwatch.kernel.access import AccessRequest, AccessUse
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.workflows.facts import Facts
from credwatch.workflows.message import bounded, bounded_accounts
from credwatch.workflows.portal_letters import PortalNews, portal_news
from credwatch.workflows.touched import safe_addresses


def access_news(
    what: PortalNews, request: AccessRequest, facts: Facts, now: datetime, use: AccessUse | None = None
) -> tuple[Command, ...]:
    """Tell each safe address of the customer what becomes of a request; of its use too, where that is over."""
    reader = facts.recipients.get(request.customer)
    if reader is None:
        return ()
    member = facts.staff.member_named(request.asked_by)
    values: dict[str, object] = {
        "number": request.id,
        "by": facts.sender.name,
        "department": member.department if member else "",
        "at": rfc3339(now),
        "basis": request.ground.value,
        "reference": request.reference,
        "issuer": request.order.issuer if request.order else "",
        "why": request.reason,
        "accounts": bounded_accounts(request.accounts, facts),
        "actions": bounded(request.actions),
        "data": bounded(request.data),
        "from_at": rfc3339(request.holds_from or request.starts_at),
        "until_at": rfc3339(request.holds_until),
    }
    if use is not None:
        last = rfc3339(use.last) if use.last else ""
        values |= {"uses": use.count, "last_used": last}
    return portal_news(what, request.customer, safe_addresses(reader), request.id, values, facts, now)
